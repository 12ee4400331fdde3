import { describe, expect, it } from "@jest/globals";
import { emulatedWorld } from "../support/code-engine/emulated-world.ts";
import { REVISION_REASONS, type RevisionReason } from "../support/code-engine/failures.ts";

const APP = { name: "files", image_reference: "icr.io/team/files:1" };
const SETTLED_MS = 10_000;

async function withApp(spec: object = {}, options: Parameters<typeof emulatedWorld>[0] = {}) {
  const w = await emulatedWorld(options);
  const { status, body } = await w.client.post(`${w.home}/apps`, { ...APP, ...spec });
  return {
    ...w,
    created: { status, body },
    app: () => w.read("/apps/files"),
    revisions: async () => (await w.read("/apps/files/revisions")).revisions as Record<string, never>[],
    instances: async () => (await w.read("/apps/files/instances")).instances as Record<string, never>[],
    patch: (patch: object) => w.client.patch(`${w.home}/apps/files`, patch, { ifMatch: "*" }),
  };
}

describe("an application", () => {
  it("has every member of the document, with its default", async () => {
    await using w = await withApp();
    const { id, name, subdomain } = { id: w.project.id, name: "files", subdomain: w.project.subdomain };
    expect(w.created).toEqual({
      status: 201,
      body: {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        name,
        href: `${w.emulator.apiUrl}/projects/${id}/apps/files`,
        created_at: "2026-01-01T00:00:00Z",
        project_id: id,
        region: "us-south",
        resource_type: "app_v2",
        entity_tag: expect.stringMatching(/^[*a-z0-9-]{1,63}$/),
        endpoint: `https://files.${subdomain}.us-south.codeengine.appdomain.cloud`,
        endpoint_internal: `http://files.${subdomain}.svc.cluster.local`,
        build: "",
        build_run: "",
        image_reference: "icr.io/team/files:1",
        image_port: 8080,
        managed_domain_mappings: "local_public",
        run_commands: [],
        run_arguments: [],
        run_as_user: 0,
        run_env_variables: [],
        run_service_account: "default",
        run_compute_resource_token_enabled: false,
        run_volume_mounts: [],
        scale_cpu_limit: "1",
        scale_memory_limit: "4G",
        scale_ephemeral_storage_limit: "400M",
        scale_min_instances: 0,
        scale_max_instances: 10,
        scale_initial_instances: 1,
        scale_concurrency: 100,
        scale_concurrency_target: 100,
        scale_request_timeout: 300,
        scale_down_delay: 0,
        probe_readiness: { type: "tcp", port: 0, interval: 10, timeout: 1, failure_threshold: 1 },
        computed_env_variables: expect.arrayContaining([
          { type: "literal", name: "CE_SUBDOMAIN", value: subdomain },
          { type: "literal", name: "CE_PROJECT_ID", value: id },
          { type: "literal", name: "CE_APP", value: "files" },
        ]),
        status: "deploying",
        status_details: { reason: "deploying", latest_created_revision: "files-00001" },
      },
    });
  });

  it.each([
    { managed_domain_mappings: "local_public", want: /^https:\/\/files\.\w+\.us-south\.codeengine\.appdomain\.cloud$/ },
    {
      managed_domain_mappings: "local_private",
      want: /^https:\/\/files\.\w+\.private\.us-south\.codeengine\.appdomain\.cloud$/,
    },
    { managed_domain_mappings: "local", want: /^$/ },
  ])("says where it is with $managed_domain_mappings", async ({ managed_domain_mappings, want }) => {
    await using w = await withApp({ managed_domain_mappings });
    expect((await w.app()).endpoint).toMatch(want);
  });

  it("gets ready by its first revision, with the instances that it asked for", async () => {
    await using w = await withApp({ scale_initial_instances: 3 });
    expect(await w.revisions()).toMatchObject([{ status: "loading", status_details: { actual_instances: 0 } }]);
    await w.clock.advance(300);
    expect(await w.app()).toMatchObject({ status: "deploying" });
    await w.clock.advance(SETTLED_MS);
    expect(await w.app()).toMatchObject({
      status: "ready",
      status_details: {
        reason: "ready",
        latest_created_revision: "files-00001",
        latest_ready_revision: "files-00001",
      },
    });
    expect(await w.revisions()).toMatchObject([
      {
        name: "files-00001",
        app_name: "files",
        resource_type: "app_revision_v2",
        status: "ready",
        status_details: { actual_instances: 3, reason: "ready" },
      },
    ]);
    const instances = await w.instances();
    expect(instances).toHaveLength(3);
    expect(instances[0]).toEqual({
      id: expect.any(String),
      name: expect.stringMatching(/^files-00001-deployment-\w{9}-\w{5}$/),
      app_name: "files",
      revision_name: "files-00001",
      href: expect.any(String),
      created_at: expect.any(String),
      project_id: w.project.id,
      region: "us-south",
      resource_type: "app_instance_v2",
      scale_cpu_limit: "1",
      scale_memory_limit: "4G",
      scale_ephemeral_storage_limit: "400M",
      status: "running",
      status_details: {
        restarts: 0,
        user_container: { current_state: { container_status: "running", started_at: expect.any(String) } },
        system_container: { current_state: { container_status: "running", started_at: expect.any(String) } },
      },
    });
  });

  it("goes to zero when nobody asks, and stays ready", async () => {
    await using w = await withApp({ scale_down_delay: 20 });
    await w.clock.advance(45_000);
    expect(await w.instances()).toHaveLength(1);
    await w.clock.advance(10_000);
    expect(await w.instances()).toEqual([]);
    expect(await w.app()).toMatchObject({ status: "ready" });
    expect(await w.revisions()).toMatchObject([{ status: "ready", status_details: { actual_instances: 0 } }]);
  });

  it("keeps its minimum", async () => {
    await using w = await withApp({ scale_min_instances: 2 });
    await w.clock.advance(600_000);
    expect(await w.instances()).toHaveLength(2);
  });

  it("makes a revision of a change of its template, and none of a change of its visibility", async () => {
    await using w = await withApp();
    await w.clock.advance(SETTLED_MS);
    const visible = await w.patch({ managed_domain_mappings: "local" });
    expect(visible.body).toMatchObject({ endpoint: "", status: "ready" });
    expect(await w.revisions()).toHaveLength(1);
    const changed = await w.patch({ image_reference: "icr.io/team/files:2" });
    expect(changed.body).toMatchObject({
      status: "deploying",
      status_details: { latest_created_revision: "files-00002", latest_ready_revision: "files-00001" },
    });
    await w.clock.advance(SETTLED_MS);
    expect(await w.app()).toMatchObject({
      status: "ready",
      status_details: { latest_created_revision: "files-00002", latest_ready_revision: "files-00002" },
    });
  });

  it("keeps the revision that serves and the newest that does not", async () => {
    await using w = await withApp();
    for (const version of [2, 3, 4]) {
      await w.clock.advance(SETTLED_MS);
      await w.patch({ image_reference: `icr.io/team/files:${version}` });
    }
    await w.clock.advance(SETTLED_MS);
    expect((await w.revisions()).map(({ name }) => name)).toEqual(["files-00003", "files-00004"]);
  });

  it("merges patches: null resets, arrays are replaced, the name stays", async () => {
    await using w = await withApp({
      run_env_variables: [{ type: "literal", name: "A", value: "1" }],
      scale_min_instances: 3,
      image_secret: "pull",
    });
    const { status, body } = await w.patch({
      name: "other",
      scale_min_instances: null,
      image_secret: null,
      run_env_variables: [],
      run_arguments: ["x"],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: "files", scale_min_instances: 0, run_env_variables: [], run_arguments: ["x"] });
    expect(body).not.toHaveProperty("image_secret");
    expect((await w.patch({ image_reference: null })).status).toBe(400);
  });

  it("is deleted some time after the answer, and its name is in use until then", async () => {
    await using w = await withApp();
    const { status, body } = await w.client.delete(`${w.home}/apps/files?keep_service_access=false`);
    expect({ status, body }).toEqual({ status: 202, body: {} });
    expect((await w.client.get(`${w.home}/apps/files`)).status).toBe(200);
    const again = await w.client.post(`${w.home}/apps`, APP);
    expect(again).toMatchObject({ status: 409, body: { errors: [{ message: "'files' is still being deleted." }] } });
    expect((await w.patch({ scale_min_instances: 1 })).status).toBe(409);
    await w.clock.advance(1_000);
    expect((await w.client.get(`${w.home}/apps/files`)).status).toBe(404);
    expect((await w.client.delete(`${w.home}/apps/files`)).status).toBe(404);
    expect((await w.client.post(`${w.home}/apps`, APP)).status).toBe(201);
  });

  it("is not made twice", async () => {
    await using w = await withApp();
    expect((await w.client.post(`${w.home}/apps`, APP)).status).toBe(409);
  });

  it("loses a revision on request, but none that is in use", async () => {
    await using w = await withApp();
    await w.clock.advance(SETTLED_MS);
    await w.patch({ scale_min_instances: 1 });
    await w.clock.advance(SETTLED_MS);
    const path = `${w.home}/apps/files/revisions`;
    expect((await w.client.get(`${path}/files-00001`)).body).toMatchObject({ name: "files-00001" });
    expect((await w.client.delete(`${path}/files-00002`)).status).toBe(409);
    expect((await w.client.delete(`${path}/files-00001`)).status).toBe(202);
    await w.clock.advance(1_000);
    expect((await w.client.get(`${path}/files-00001`)).status).toBe(404);
  });
});

describe("a revision that fails", () => {
  const waits = ["waiting", "deploying", "deploying_waiting_for_resources"];
  const failures = REVISION_REASONS.filter((reason) => !waits.includes(reason));

  it.each(failures)("says %s, and the application that nothing serves", async (reason) => {
    await using w = await emulatedWorld();
    w.emulator.failures.add({ kind: "revision", image: /bad/, reason });
    await w.client.post(`${w.home}/apps`, { name: "files", image_reference: "icr.io/team/bad" });
    await w.clock.advance(SETTLED_MS);
    const { revisions } = await w.read("/apps/files/revisions");
    expect(revisions).toMatchObject([{ status: "failed", status_details: { reason, actual_instances: 0 } }]);
    const app = await w.read("/apps/files");
    expect(app).toMatchObject({ status: "failed", status_details: { reason: "no_revision_ready" } });
    expect(app.status_details).not.toHaveProperty("latest_ready_revision");
  });

  it("leaves the older one serving, with a warning", async () => {
    await using w = await withApp({ scale_min_instances: 1 });
    await w.clock.advance(SETTLED_MS);
    w.emulator.failures.add({ kind: "revision", name: "files", reason: "container_failed_exit_code_1" });
    await w.patch({ image_reference: "icr.io/team/files:2" });
    await w.clock.advance(SETTLED_MS);
    expect(await w.app()).toMatchObject({
      status: "warning",
      status_details: {
        reason: "ready_but_latest_revision_failed",
        latest_created_revision: "files-00002",
        latest_ready_revision: "files-00001",
      },
    });
    expect(await w.instances()).toMatchObject([{ revision_name: "files-00001", status: "running" }]);
    expect((await w.revisions()).map(({ status }) => status)).toEqual(["ready", "failed"]);
  });

  it("is made good by the next", async () => {
    await using w = await emulatedWorld();
    w.emulator.failures.add({ kind: "revision", name: "files", reason: "image_pull_back_off", count: 1 });
    await w.client.post(`${w.home}/apps`, APP);
    await w.clock.advance(SETTLED_MS);
    await w.client.patch(`${w.home}/apps/files`, { run_arguments: ["again"] }, { ifMatch: "*" });
    await w.clock.advance(SETTLED_MS);
    expect(await w.read("/apps/files")).toMatchObject({ status: "ready" });
  });

  it.each<{ reason: RevisionReason; app: string }>([
    { reason: "waiting", app: "deploying" },
    { reason: "deploying_waiting_for_resources", app: "waiting_for_resources" },
  ])("waits with $reason, and gives up in the end", async ({ reason, app }) => {
    await using w = await emulatedWorld();
    w.emulator.failures.add({ kind: "revision", name: "files", reason });
    await w.client.post(`${w.home}/apps`, APP);
    await w.clock.advance(60_000);
    expect(await w.read("/apps/files")).toMatchObject({ status: "deploying", status_details: { reason: app } });
    expect((await w.read("/apps/files/revisions")).revisions).toMatchObject([
      { status: "loading", status_details: { reason } },
    ]);
    await w.clock.advance(60_000);
    expect(await w.read("/apps/files")).toMatchObject({ status: "failed" });
    expect((await w.read("/apps/files/revisions")).revisions).toMatchObject([
      { status: "failed", status_details: { reason: "initial_scale_never_achieved" } },
    ]);
  });

  it.each([
    { code: 0, reason: "container_failed_exit_code_0" },
    { code: 1, reason: "container_failed_exit_code_1" },
    { code: 24, reason: "container_failed_exit_code_24" },
    { code: 139, reason: "container_failed_exit_code_139" },
  ])("names the exit code $code of its container", async ({ code, reason }) => {
    await using w = await emulatedWorld();
    w.emulator.images.define(APP.image_reference, { silent: true, exit: { code, reason: "Error", afterMs: 500 } });
    await w.client.post(`${w.home}/apps`, APP);
    await w.clock.advance(2_000);
    expect((await w.read("/apps/files/revisions")).revisions).toMatchObject([
      { status: "failed", status_details: { reason } },
    ]);
    expect((await w.read("/apps/files/instances")).instances).toMatchObject([
      {
        status_details: {
          user_container: { last_observed_state: { container_status: "terminated", exit_code: code } },
        },
      },
    ]);
  });

  it("shows an exit code that has no reason of its own at the instance", async () => {
    await using w = await emulatedWorld();
    const exit = { code: 137, reason: "OOMKilled", afterMs: 500 };
    w.emulator.images.define(APP.image_reference, { silent: true, exit });
    await w.client.post(`${w.home}/apps`, APP);
    await w.clock.advance(30_000);
    expect(await w.read("/apps/files")).toMatchObject({ status: "deploying" });
    const [instance] = (await w.read("/apps/files/instances")).instances as never[];
    expect(instance).toMatchObject({
      status_details: {
        restarts: 4,
        user_container: {
          current_state: { container_status: "pending", reason: "CrashLoopBackOff" },
          last_observed_state: { exit_code: 137, reason: "OOMKilled", completed_at: expect.any(String) },
        },
      },
    });
    await w.clock.advance(100_000);
    expect(await w.read("/apps/files")).toMatchObject({ status: "failed" });
  });

  it("never gets ready when nothing listens", async () => {
    await using w = await emulatedWorld();
    w.emulator.images.define(APP.image_reference, { silent: true });
    await w.client.post(`${w.home}/apps`, APP);
    await w.clock.advance(130_000);
    expect((await w.read("/apps/files/revisions")).revisions).toMatchObject([
      { status: "failed", status_details: { reason: "initial_scale_never_achieved" } },
    ]);
  });
});

describe("a running instance", () => {
  it("starts again after a crash, and the revision fails meanwhile", async () => {
    await using w = await withApp({ scale_min_instances: 1 });
    await w.clock.advance(SETTLED_MS);
    const [{ name } = { name: "" }] = await w.instances();
    w.emulator.images.crash(name ?? "", { code: 1, reason: "Error" });
    await w.clock.advance(500);
    expect(await w.app()).toMatchObject({ status: "failed", status_details: { reason: "no_revision_ready" } });
    await w.clock.advance(SETTLED_MS);
    expect(await w.app()).toMatchObject({ status: "ready" });
    expect(await w.instances()).toMatchObject([{ name, status: "running", status_details: { restarts: 1 } }]);
  });
});

describe("references", () => {
  const env = [{ type: "secret_key_reference", name: "TOKEN", reference: "later", key: "token" }];
  const mounts = [{ type: "config_map", reference: "later", mount_path: "/etc/app" }];
  const secret = { format: "generic", name: "later", data: { token: "t" } };

  it.each([
    { because: "a variable", spec: { run_env_variables: env }, path: "/secrets", body: secret },
    { because: "a mount", spec: { run_volume_mounts: mounts }, path: "/config_maps", body: { name: "later" } },
  ])("may lead nowhere: $because waits until they lead somewhere", async ({ spec, path, body }) => {
    await using w = await withApp(spec);
    expect(w.created.status).toBe(201);
    await w.clock.advance(SETTLED_MS);
    expect(await w.revisions()).toMatchObject([{ status: "loading", status_details: { reason: "waiting" } }]);
    expect(await w.instances()).toMatchObject([
      { status_details: { user_container: { current_state: { reason: "CreateContainerConfigError" } } } },
    ]);
    await w.client.post(`${w.home}${path}`, body);
    await w.clock.advance(SETTLED_MS);
    expect(await w.app()).toMatchObject({ status: "ready" });
  });

  it("to a registry secret must lead there when the revision is made", async () => {
    await using w = await withApp({ image_secret: "pull" });
    expect(w.created.status).toBe(201);
    await w.clock.advance(SETTLED_MS);
    const reason = "fetch_image_failed_missing_pull_secret";
    expect(await w.revisions()).toMatchObject([{ status: "failed", status_details: { reason } }]);
  });

  it("reach the container with their values", async () => {
    await using w = await emulatedWorld();
    let seen: unknown;
    w.emulator.images.define(APP.image_reference, {
      respond: async (_, instance) => {
        seen = instance;
        return new Response();
      },
    });
    await w.client.post(`${w.home}/secrets`, { format: "generic", name: "s", data: { a: "1", b: "2" } });
    await w.client.post(`${w.home}/config_maps`, { name: "c", data: { "app.conf": "x" } });
    await w.client.post(`${w.home}/apps`, {
      ...APP,
      run_as_user: 1000,
      run_env_variables: [
        { type: "literal", name: "PLAIN", value: "p", key: "surplus" },
        { type: "secret_full_reference", reference: "s", prefix: "S_" },
        { type: "config_map_key_reference", name: "CONF", reference: "c", key: "app.conf" },
      ],
      run_volume_mounts: [{ type: "config_map", reference: "c", mount_path: "/etc/app" }],
      probe_readiness: { type: "http", path: "/ready" },
    });
    await w.clock.advance(SETTLED_MS);
    expect(seen).toMatchObject({
      user: 1000,
      port: 8080,
      env: {
        PLAIN: "p",
        S_a: "1",
        S_b: "2",
        CONF: "x",
        PORT: "8080",
        K_SERVICE: "files",
        K_REVISION: "files-00001",
        K_CONFIGURATION: "files",
        CE_APP: "files",
        CE_REGION: "us-south",
      },
      mounts: [{ path: "/etc/app", files: { "app.conf": "x" }, readOnly: true }],
    });
  });
});

describe("quotas", () => {
  it("refuse one application too many", async () => {
    await using w = await emulatedWorld({ quotas: { apps: 2 } });
    for (const name of ["a", "b"]) await w.client.post(`${w.home}/apps`, { ...APP, name });
    const { status, body } = await w.client.post(`${w.home}/apps`, { ...APP, name: "c" });
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ code: "quota_exceeded" }]);
  });

  it("of instances, CPU and memory make a revision wait for resources", async () => {
    await using w = await withApp({ scale_initial_instances: 2 }, { quotas: { memoryBytes: 7e9 } });
    await w.clock.advance(SETTLED_MS);
    expect(await w.app()).toMatchObject({
      status: "deploying",
      status_details: { reason: "waiting_for_resources" },
    });
    expect(await w.revisions()).toMatchObject([
      { status: "loading", status_details: { reason: "deploying_waiting_for_resources", actual_instances: 1 } },
    ]);
  });
});
