import { describe, expect, it } from "@jest/globals";
import { emulatedWorld, SAMPLE_APP, withApp } from "../support/code-engine/emulated-world.ts";
import type { Quotas } from "../support/code-engine/settings.ts";

const SETTLED_MS = 10_000;

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

  it("counts idleness from the end of the last request", async () => {
    await using w = await withApp();
    await w.clock.advance(25_000);
    const lease = await w.project.apps.get("files")?.active?.pool.acquire(new AbortController().signal);
    await w.clock.advance(10_000);
    lease?.release();
    await w.clock.advance(29_000);
    expect(await w.instances()).toHaveLength(1);
    await w.clock.advance(1_000);
    expect(await w.instances()).toEqual([]);
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
    const again = await w.client.post(`${w.home}/apps`, SAMPLE_APP);
    expect(again).toMatchObject({ status: 409, body: { errors: [{ message: "'files' is still being deleted." }] } });
    expect((await w.patch({ scale_min_instances: 1 })).status).toBe(409);
    await w.clock.advance(1_000);
    expect((await w.client.get(`${w.home}/apps/files`)).status).toBe(404);
    expect((await w.client.delete(`${w.home}/apps/files`)).status).toBe(404);
    expect((await w.client.post(`${w.home}/apps`, SAMPLE_APP)).status).toBe(201);
  });

  it("is not made twice", async () => {
    await using w = await withApp();
    expect((await w.client.post(`${w.home}/apps`, SAMPLE_APP)).status).toBe(409);
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

describe("quotas", () => {
  const secret = { name: "a", format: "generic" };
  const job = { name: "a", image_reference: "icr.io/a/b" };
  const build = {
    ...{ name: "a", output_image: "icr.io/a/b", output_secret: "s", strategy_type: "dockerfile" },
    source_url: "https://github.com/a/b",
  };
  const mapping = { name: "a.example", component: { resource_type: "app_v2", name: "a" }, tls_secret: "t" };
  const bucket = { bucket_location: "us-south", bucket_name: "b", secret_name: "s" };

  it.each<{ quota: keyof Quotas; path: string; body: object }>([
    { quota: "apps", path: "/apps", body: SAMPLE_APP },
    { quota: "secrets", path: "/secrets", body: secret },
    { quota: "configMaps", path: "/config_maps", body: { name: "a" } },
    { quota: "builds", path: "/builds", body: build },
    { quota: "buildRuns", path: "/build_runs", body: build },
    { quota: "jobs", path: "/jobs", body: job },
    { quota: "jobRuns", path: "/job_runs", body: job },
    { quota: "domainMappings", path: "/domain_mappings", body: mapping },
    {
      quota: "dataStores",
      path: "/persistent_data_stores",
      body: { name: "a", storage_type: "object_storage", data: bucket },
    },
  ])("of $quota refuse one too many", async ({ quota, path, body }) => {
    await using fitting = await emulatedWorld({ quotas: { [quota]: 1 } });
    expect([201, 202]).toContain((await fitting.client.post(`${fitting.home}${path}`, body)).status);
    await using full = await emulatedWorld({ quotas: { [quota]: 0 } });
    const { status, body: answer } = await full.client.post(`${full.home}${path}`, body);
    expect(status).toBe(400);
    expect(answer.errors).toMatchObject([{ code: "quota_exceeded" }]);
  });

  it("of revisions refuse a change that needs another", async () => {
    await using w = await withApp({}, { quotas: { revisions: 1 } });
    expect((await w.patch({ run_arguments: ["new"] })).body.errors).toMatchObject([{ code: "quota_exceeded" }]);
    expect((await w.patch({ managed_domain_mappings: "local" })).status).toBe(200);
  });

  it.each<{ quota: Partial<Quotas> }>([
    { quota: { instances: 1 } },
    { quota: { cpu: 1.5 } },
    { quota: { memoryBytes: 7e9 } },
    { quota: { ephemeralBytes: 0.5e9 } },
  ])("of what runs make a revision wait for resources: $quota", async ({ quota }) => {
    await using w = await withApp({ scale_initial_instances: 2 }, { quotas: quota });
    await w.clock.advance(SETTLED_MS);
    expect(await w.app()).toMatchObject({
      status: "deploying",
      status_details: { reason: "waiting_for_resources" },
    });
    expect(await w.revisions()).toMatchObject([
      { status: "loading", status_details: { reason: "deploying_waiting_for_resources", actual_instances: 1 } },
    ]);
  });

  it("that have room again let it go on", async () => {
    await using w = await emulatedWorld({ quotas: { instances: 1 } });
    await w.client.post(`${w.home}/apps`, { ...SAMPLE_APP, name: "first", scale_min_instances: 1 });
    await w.clock.advance(SETTLED_MS);
    await w.client.post(`${w.home}/apps`, SAMPLE_APP);
    await w.clock.advance(SETTLED_MS);
    expect(await w.read("/apps/files")).toMatchObject({ status_details: { reason: "waiting_for_resources" } });
    await w.client.delete(`${w.home}/apps/first`);
    await w.clock.advance(SETTLED_MS);
    expect(await w.read("/apps/files")).toMatchObject({ status: "ready" });
  });
});
