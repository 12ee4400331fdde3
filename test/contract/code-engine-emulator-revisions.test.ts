import { describe, expect, it } from "@jest/globals";
import { emulatedWorld, SAMPLE_APP, withApp } from "../support/code-engine/emulated-world.ts";
import { REVISION_REASONS, type RevisionReason } from "../support/code-engine/failures.ts";

const SETTLED_MS = 10_000;

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
    await w.client.post(`${w.home}/apps`, SAMPLE_APP);
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
    await w.client.post(`${w.home}/apps`, SAMPLE_APP);
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
    w.emulator.images.define(SAMPLE_APP.image_reference, {
      silent: true,
      exit: { code, reason: "Error", afterMs: 500 },
    });
    await w.client.post(`${w.home}/apps`, SAMPLE_APP);
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
    w.emulator.images.define(SAMPLE_APP.image_reference, { silent: true, exit });
    await w.client.post(`${w.home}/apps`, SAMPLE_APP);
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

  it("never gets ready when nothing listens, and is not tried for ever", async () => {
    await using w = await emulatedWorld();
    w.emulator.images.define(SAMPLE_APP.image_reference, { silent: true });
    await w.client.post(`${w.home}/apps`, { ...SAMPLE_APP, scale_min_instances: 1 });
    await w.clock.advance(130_000);
    expect((await w.read("/apps/files/instances")).instances).toEqual([]);
    expect((await w.read("/apps/files/revisions")).revisions).toMatchObject([
      { status: "failed", status_details: { reason: "initial_scale_never_achieved" } },
    ]);
  });
});

describe("revisions that overtake each other", () => {
  it("never let the older one serve again", async () => {
    await using w = await withApp();
    await w.clock.advance(SETTLED_MS);
    w.emulator.failures.add({ kind: "revision", name: "files-00002", reason: "waiting", count: 20 });
    await w.patch({ run_arguments: ["slow"] });
    await w.patch({ run_arguments: ["fast"] });
    await w.clock.advance(SETTLED_MS);
    const details = { latest_created_revision: "files-00003", latest_ready_revision: "files-00003" };
    expect(await w.app()).toMatchObject({ status: "ready", status_details: details });
    expect((await w.revisions()).map(({ status }) => status)).toEqual(["ready", "loading", "ready"]);
    await w.clock.advance(2 * SETTLED_MS);
    expect(await w.app()).toMatchObject({ status: "ready", status_details: details });
    expect((await w.revisions()).map(({ name }) => name)).toEqual(["files-00002", "files-00003"]);
    expect(await w.instances()).not.toContainEqual(expect.objectContaining({ revision_name: "files-00002" }));
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

describe("a tag", () => {
  it("is resolved once for each revision", async () => {
    await using w = await withApp({ scale_min_instances: 1 });
    await w.clock.advance(SETTLED_MS);
    const digest = () => w.project.apps.get("files")?.active?.image?.digest;
    const first = digest();
    const moved = `sha256:${"f".repeat(64)}`;
    w.emulator.images.retag(SAMPLE_APP.image_reference, moved);
    await w.clock.advance(SETTLED_MS);
    expect(digest()).toBe(first);
    await w.patch({ run_arguments: ["new"] });
    await w.clock.advance(SETTLED_MS);
    expect(digest()).toBe(moved);
  });

  it("whose digest was removed breaks the next start", async () => {
    await using w = await withApp({ scale_min_instances: 1 });
    await w.clock.advance(SETTLED_MS);
    w.emulator.images.remove(w.project.apps.get("files")?.active?.image?.digest ?? "");
    const [{ name } = { name: "" }] = await w.instances();
    w.emulator.images.crash(name ?? "", { code: 137, reason: "Error" });
    await w.clock.advance(SETTLED_MS);
    expect(await w.app()).toMatchObject({ status: "failed" });
    const reason = "fetch_image_failed_unknown_manifest";
    expect(await w.revisions()).toMatchObject([{ status: "failed", status_details: { reason } }]);
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
    w.emulator.images.define(SAMPLE_APP.image_reference, {
      respond: async (_, instance) => {
        seen = instance;
        return new Response();
      },
    });
    await w.client.post(`${w.home}/secrets`, { format: "generic", name: "s", data: { a: "1", b: "2" } });
    await w.client.post(`${w.home}/config_maps`, { name: "c", data: { "app.conf": "x" } });
    await w.client.post(`${w.home}/apps`, {
      ...SAMPLE_APP,
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
