import { request } from "node:http";
import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { CodeEngineEmulator } from "../support/code-engine/emulator.ts";
import type { JsonObject } from "../support/code-engine/fields/field.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { eventually } from "../support/eventually.ts";
import { BUSYBOX_IMAGE, ensureBusyboxImage, ensureMcpImage, MCP_IMAGE, makeUniqueImage } from "../support/images.ts";
import { REGISTRY_USER, Registry } from "../support/registry.ts";

/** The Engine is everybody's. */
jest.setTimeout(120_000);

const LABEL = "slipway.test/code-engine-emulator";
const engine = engineClient();

async function containerWorld(options: Parameters<typeof CodeEngineEmulator.start>[0] = {}) {
  const emulator = await CodeEngineEmulator.start({ docker: "real", ...options });
  const client = new PlainClient(emulator.handlers, emulator.createApiKey());
  const home = `/projects/${emulator.createProject({ name: "test" }).id}`;
  const get = async (path: string) => (await client.get(`${home}${path}`)).body;
  return {
    emulator,
    client,
    home,
    get,
    async deploy(spec: JsonObject & { name: string }): Promise<JsonObject> {
      const { status } = await client.post(`${home}/apps`, { run_as_user: 65532, ...spec });
      expect(status).toBe(201);
      const settled = await eventually("the application is not deploying any more", async () => {
        const app = await get(`/apps/${spec.name}`);
        return app.status !== "deploying" && app;
      });
      return settled;
    },
    instances: async (name: string) => (await get(`/apps/${name}/instances`)).instances as { name: string }[],
    reason: async (name: string) =>
      ((await get(`/apps/${name}/revisions`)).revisions as { status_details: { reason: string } }[]).at(-1)
        ?.status_details.reason,
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  };
}

/** A web server whose page is what `command` says at its start. */
function page(command: string): JsonObject {
  const script = `mkdir /tmp/w && (${command}) > /tmp/w/index.html; exec busybox httpd -f -p $PORT -h /tmp/w`;
  return { image_reference: BUSYBOX_IMAGE, run_commands: ["/bin/busybox", "sh", "-c"], run_arguments: [script] };
}

async function ours(): Promise<string[]> {
  const filters = { label: [LABEL] };
  const containers = await engine.listContainers({ all: true, filters });
  const { Volumes } = await engine.listVolumes({ filters });
  return [...containers.map(({ Id }) => Id), ...Volumes.map(({ Name }) => Name)];
}

beforeAll(async () => {
  await ensureBusyboxImage();
  await ensureMcpImage();
});

describe("applications that are containers", () => {
  it("answer MCP behind their endpoint, go to zero, and wake", async () => {
    await using w = await containerWorld({ timings: { idleMs: 500 } });
    const app = await w.deploy({ name: "mcp", image_reference: MCP_IMAGE });
    expect(app).toMatchObject({ status: "ready", endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
    const tools = async () => {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
      return await (await fetch(`${app.endpoint}/mcp`, { method: "POST", body })).json();
    };
    expect(await tools()).toMatchObject({ result: { tools: [{ name: "echo" }] } });
    await eventually("it goes to zero", async () => (await w.instances("mcp")).length === 0);
    const left = { label: [`slipway.test/code-engine-app=mcp`], status: ["running"] };
    await eventually("no container runs", async () => (await engine.listContainers({ filters: left })).length === 0);
    expect(await w.get("/apps/mcp")).toMatchObject({ status: "ready" });
    expect(await tools()).toMatchObject({ result: { tools: [{ name: "echo" }] } });
  });

  it("have variables, files, user and limits as they were told", async () => {
    await using w = await containerWorld();
    await w.client.post(`${w.home}/secrets`, { format: "generic", name: "s", data: { token: "geheim" } });
    await w.client.post(`${w.home}/config_maps`, { name: "c", data: { "a.conf": "one", "b.conf": "two" } });
    const app = await w.deploy({
      name: "facts",
      ...page("id -u; echo $TOKEN $K_SERVICE $CE_APP; cat /etc/c/*; cat /etc/one; touch /etc/c/new || echo read-only"),
      run_as_user: 1234,
      scale_cpu_limit: "0.25",
      scale_memory_limit: "0.5G",
      run_env_variables: [{ type: "secret_key_reference", name: "TOKEN", reference: "s", key: "token" }],
      run_volume_mounts: [
        { type: "config_map", reference: "c", mount_path: "/etc/c" },
        { type: "config_map", reference: "c", mount_path: "/etc/one", sub_path: "a.conf" },
      ],
    });
    expect(await (await fetch(String(app.endpoint))).text()).toBe(
      "1234\ngeheim facts facts\nonetwoone" + "read-only\n",
    );
    const [{ Id } = { Id: "" }] = await engine.listContainers({
      filters: { label: ["slipway.test/code-engine-app=facts"] },
    });
    const { HostConfig } = await engine.getContainer(Id).inspect();
    expect(HostConfig).toMatchObject({ NanoCpus: 250_000_000, Memory: 500_000_000, Privileged: false });
  });

  it("see new contents of mounted files without a new revision", async () => {
    await using w = await containerWorld();
    const { body } = await w.client.post(`${w.home}/config_maps`, { name: "c", data: { "index.html": "old" } });
    const app = await w.deploy({
      name: "live",
      image_reference: BUSYBOX_IMAGE,
      run_volume_mounts: [{ type: "config_map", reference: "c", mount_path: "/www" }],
    });
    expect(await (await fetch(String(app.endpoint))).text()).toBe("old");
    const ifMatch = String(body.entity_tag);
    await w.client.put(`${w.home}/config_maps/c`, { data: { "index.html": "new" } }, { ifMatch });
    await eventually("the file follows", async () => (await (await fetch(String(app.endpoint))).text()) === "new");
    expect((await w.get("/apps/live/revisions")).revisions).toHaveLength(1);
  });

  it("have logs and usage, which the proxy reads", async () => {
    await using w = await containerWorld();
    const app = await w.deploy({
      name: "talks",
      ...page("echo hello from $HOSTNAME >&2; echo page"),
      scale_min_instances: 1,
    });
    expect(app.status).toBe("ready");
    const namespace = new URL(String(app.endpoint_internal)).hostname.split(".")[1];
    const headers = { authorization: `Bearer ${await w.client.token()}` };
    const proxy = (path: string, init: RequestInit = {}) =>
      fetch(`${w.emulator.proxyUrl}${path}`, { headers, ...init });
    const [{ name } = { name: "" }] = await w.instances("talks");
    const log = `/api/v1/namespaces/${namespace}/pods/${name}/log?container=user-container`;
    expect(await (await proxy(log)).text()).toBe(`hello from ${name}\n`);
    const gone = new AbortController();
    const reader = (await proxy(`${log}&follow=true&timestamps=true`, { signal: gone.signal })).body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toMatch(/^\d{4}-\S+Z hello from/);
    gone.abort();
    const metrics = await proxy(`/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`);
    expect(await metrics.json()).toMatchObject({
      items: [
        {
          containers: [
            { usage: { cpu: expect.stringMatching(/^\d+n$/), memory: expect.stringMatching(/^\d+Ki$/) } },
            {},
          ],
        },
      ],
    });
  });

  it("end with the emulator although they ignore SIGTERM", async () => {
    const w = await containerWorld();
    await w.deploy({ name: "deaf", ...page("echo page"), scale_request_timeout: 600 });
    await w.client.delete(`${w.home}/apps/deaf`);
    const before = performance.now();
    await w[Symbol.asyncDispose]();
    expect(performance.now() - before).toBeLessThan(60_000);
    expect(
      await engine.listContainers({ all: true, filters: { label: ["slipway.test/code-engine-app=deaf"] } }),
    ).toEqual([]);
  });

  it("carry upgraded connections", async () => {
    await using w = await containerWorld();
    const program = `require("http").createServer().on("upgrade", (_, s) => {
      s.write("HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n"); s.pipe(s);
    }).listen(process.env.PORT)`;
    const run = { run_commands: ["/usr/bin/node", "-e"], run_arguments: [program] };
    const app = await w.deploy({ name: "ws", image_reference: MCP_IMAGE, ...run });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    request(String(app.endpoint), { headers: { connection: "upgrade", upgrade: "echo" } })
      .once("error", reject)
      .once("upgrade", (_, socket) => {
        socket.once("data", (data: Buffer) => {
          resolve(data.toString());
          socket.destroy();
        });
        socket.write("ping");
      })
      .end();
    expect(await promise).toBe("ping");
  });

  it.each([
    { because: "the program ends", run_arguments: ["sh", "-c", "exit 1"], reason: "container_failed_exit_code_1" },
    { because: "it ends well, which is as bad", run_arguments: ["true"], reason: "container_failed_exit_code_0" },
  ])("fail with the exit code: $because", async ({ run_arguments, reason }) => {
    await using w = await containerWorld();
    const app = await w.deploy({ name: "bad", image_reference: BUSYBOX_IMAGE, run_arguments });
    expect(app).toMatchObject({ status: "failed" });
    expect(await w.reason("bad")).toBe(reason);
  });

  it("fail when there is nothing to execute", async () => {
    await using w = await containerWorld({ timings: { initialScaleDeadlineMs: 3_000 } });
    const deploying = w.deploy({ name: "bad", image_reference: BUSYBOX_IMAGE, run_commands: ["/nothing"] });
    const state = { exit_code: 128, reason: "StartError" };
    await eventually("the instance says so", async () => {
      expect((await w.instances("bad"))[0]).toMatchObject({
        status_details: { user_container: { last_observed_state: state } },
      });
      return true;
    });
    expect(await deploying).toMatchObject({ status: "failed" });
    expect(await w.reason("bad")).toBe("initial_scale_never_achieved");
  });

  it("are removed with the emulator, and what an emulator left that was killed is removed by the next", async () => {
    const stranger = await engine.createContainer({
      Image: BUSYBOX_IMAGE,
      // No process has this number.
      Labels: { [LABEL]: "killed", [`${LABEL}-process`]: `${hostname()}/4194305` },
    });
    const before = await ours();
    expect(before).toContain(stranger.id);
    {
      await using w = await containerWorld();
      expect(await ours()).not.toContain(stranger.id);
      await w.client.post(`${w.home}/config_maps`, { name: "c", data: { "index.html": "x" } });
      const mount = { type: "config_map", reference: "c", mount_path: "/www" };
      await w.deploy({ name: "web", image_reference: BUSYBOX_IMAGE, run_volume_mounts: [mount] });
      expect((await ours()).length).toBeGreaterThanOrEqual(2);
    }
    expect((await ours()).filter((id) => !before.includes(id))).toEqual([]);
  });
});

describe("images from a registry", () => {
  let registry: Registry;
  let aliases: Record<string, string>;

  beforeAll(async () => {
    registry = await Registry.start({ credentials: true });
    aliases = { "registry.test/": `${registry.address}/`, "closed.test/": "127.0.0.1:1/" };
    await registry.publish("team/app:1");
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
  });

  const pull = (password: string) => ({
    format: "registry",
    name: "pull",
    data: { server: "registry.test", username: REGISTRY_USER.username, password },
  });

  it.each([
    { because: "right credentials", image: "team/app:1", secret: pull(REGISTRY_USER.password), want: "ready" },
    {
      because: "wrong credentials",
      image: "team/app:1",
      secret: pull("wrong"),
      want: "fetch_image_failed_wrong_pull_credentials",
    },
    {
      because: "no credentials",
      image: "team/app:1",
      secret: undefined,
      want: "fetch_image_failed_missing_pull_credentials",
    },
    {
      because: "credentials of another registry",
      image: "team/app:1",
      secret: { ...pull(REGISTRY_USER.password), data: { ...pull(REGISTRY_USER.password).data, server: "icr.io" } },
      want: "fetch_image_failed_missing_pull_credentials",
    },
    {
      because: "a tag that is not there",
      image: "team/app:2",
      secret: pull(REGISTRY_USER.password),
      want: "fetch_image_failed_unknown_manifest",
    },
  ])("with $because", async ({ image, secret, want }) => {
    await using w = await containerWorld({ imageAliases: aliases });
    if (secret) await w.client.post(`${w.home}/secrets`, secret);
    const app = { name: "app", image_reference: `registry.test/${image}` };
    await w.deploy({ ...app, ...(secret && { image_secret: "pull" }) });
    expect(await w.reason("app")).toBe(want);
  });

  it("that does not answer", async () => {
    await using w = await containerWorld({ imageAliases: aliases });
    await w.deploy({ name: "app", image_reference: "closed.test/team/app:1" });
    expect(await w.reason("app")).toBe("fetch_image_failed_registry_not_found");
  });

  it("may have an alias of their own, whatever their tag or digest", async () => {
    await using w = await containerWorld();
    const tag = "slipway.test/ce-alias:1";
    await makeUniqueImage(tag);
    w.emulator.imageAliases.add("us.icr.io/team/built", tag);
    const digest = `sha256:${"a".repeat(64)}`;
    const app = await w.deploy({ name: "app", image_reference: `us.icr.io/team/built@${digest}` });
    expect(app.status).toBe("ready");
    expect((await fetch(`${app.endpoint}/marker.txt`)).status).toBe(200);
    await using _ = { [Symbol.asyncDispose]: async () => void (await engine.getImage(tag).remove({ force: true })) };
  });
});
