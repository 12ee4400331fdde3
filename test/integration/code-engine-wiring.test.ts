import { describe, expect, it, jest } from "@jest/globals";
import { runtimeDeployments } from "../../src/api/v1alpha1/index.ts";
import { CodeEngineControllers } from "../support/code-engine-controllers.ts";
import { eventually } from "../support/eventually.ts";

// Each has an API server and controllers of its own, on a machine that does other things, too.
jest.setTimeout(180_000);

const ref = (name: string) => `\${${name}}`;
const addressOf = (name: string) => `http://${name}.${ref("CE_SUBDOMAIN")}.svc.cluster.local/mcp`;
const callsPeer = {
  env: [{ name: "PEER", value: addressOf("peer") }],
  exposure: { visibility: "public" },
  health: { probe: "tcp" },
};

/** Containers answer with their variables. */
async function start(...args: Parameters<typeof CodeEngineControllers.start>): Promise<CodeEngineControllers> {
  const made = await CodeEngineControllers.start(...args);
  made.world.emulator.images.define(/^registry\.test\/files/, {
    respond: async (_, { env }) => Response.json(env),
  });
  return made;
}

async function envOf(w: CodeEngineControllers, name: string): Promise<Record<string, string>> {
  const { endpoint } = await w.app(name);
  return (await (await fetch(String(endpoint))).json()) as Record<string, string>;
}

describe("deployments that need each other", () => {
  it("find each other by their addresses, whichever comes first, with one revision more", async () => {
    await using w = await start();
    await w.deploy("first");
    await w.until("first");
    await w.deploy("caller", { ...callsPeer, dependencies: ["peer"] });
    const alone = await w.until("caller");
    const before = await w.revisions("caller");
    const [, subdomain] = new URL(String((await w.app("caller")).endpoint_internal)).hostname.split(".");
    expect(await envOf(w, "caller")).toMatchObject({ PEER: `http://peer.${subdomain}.svc.cluster.local/mcp` });
    expect(await w.condition("caller", "Accepted")).toMatchObject({
      status: "True",
      message: expect.stringMatching(/there is no RuntimeDeployment peer; env PEER: "peer" is no RuntimeDeployment/),
    });

    await w.deploy("peer");
    await w.until("peer");
    const internal = String((await w.app("peer")).endpoint_internal);
    await eventually("the caller knows its peer", async () => (await envOf(w, "caller")).PEER === `${internal}/mcp`);
    const after = await w.until("caller");
    expect(await w.condition("caller", "Accepted")).toMatchObject({ message: "the spec can be run" });
    expect(await w.revisions("caller")).not.toBe(before);
    expect(after.metadata.generation).toBe(alone.metadata.generation);
    expect(after.status?.workload?.restartCount).toBe(0);

    const settled = await w.revisions("caller");
    expect(Number(settled.slice(-5)) - Number(before.slice(-5))).toBe(1);
    await w.end();
    w.world.emulator.calls.clear();
    w.boot();
    // Of no consequence for what runs, so that it shows that somebody has looked, and nothing else.
    const key = { namespace: "default", name: "caller" };
    await w.client.patch(runtimeDeployments, key, { type: "merge", body: { spec: { dependencies: ["first"] } } });
    await w.until("caller");
    expect(await w.revisions("caller")).toBe(settled);
    const caller = String((await w.app("caller")).name);
    const writes = w.world.emulator.calls.writes().map(({ path }) => path);
    expect(writes.filter((path) => path.includes(caller))).toEqual([]);
  });

  it("learn the subdomain from their own app where the project has no other", async () => {
    await using w = await start();
    await w.deploy("caller", callsPeer);
    const found = await eventually("the address is there", async () => {
      const env = await envOf(w, "caller");
      return env.PEER?.includes("$") ? undefined : env;
    });
    const { endpoint_internal } = await w.app("caller");
    const [, subdomain] = new URL(String(endpoint_internal)).hostname.split(".");
    expect(found.PEER).toBe(`http://peer.${subdomain}.svc.cluster.local/mcp`);
    await w.until("caller");
    expect(await w.revisions("caller")).toMatch(/-00002$/);
  });

  it("may name the project and its region, and nothing else of Code Engine", async () => {
    await using w = await start();
    await w.deploy("caller", {
      ...callsPeer,
      env: [{ name: "WHERE", value: `${ref("CE_PROJECT_ID")} in ${ref("CE_REGION")}, not $${ref("CE_REGION")}` }],
    });
    await w.until("caller");
    expect(await envOf(w, "caller")).toMatchObject({
      WHERE: `${w.world.project.id} in us-south, not ${ref("CE_REGION")}`,
    });
    await w.deploy("wrong", { env: [{ name: "APP", value: ref("CE_APP") }] });
    const accepted = await eventually("it is refused", async () => {
      const found = await w.condition("wrong", "Accepted");
      return found?.status === "False" ? found : undefined;
    });
    expect(accepted).toMatchObject({ reason: "InvalidSpec", message: expect.stringContaining(ref("CE_APP")) });
  });
});

describe("scaling", () => {
  it("to none is the backend's default here, is told as a cold start, and ends with a request", async () => {
    await using w = await start({ defaultScaling: { min: 0, max: 3 } }, { timings: { idleMs: 200 } });
    await w.deploy("sleeper", { exposure: { visibility: "public" }, health: { probe: "http", path: "/" } });
    const found = await w.until("sleeper", ({ status }) => status?.phase === "Running");
    expect(await w.app("sleeper")).toMatchObject({
      scale_min_instances: 0,
      scale_max_instances: 3,
      probe_readiness: { type: "http", path: "/" },
    });
    expect(await w.condition("sleeper", "Accepted")).toMatchObject({ message: expect.stringContaining("about 17 s") });
    await eventually("there is no instance", async () => (await w.instances("sleeper")) === 0);
    const { resourceVersion } = (await w.get("sleeper")).metadata;
    expect((await fetch(found.status?.workload?.endpoint ?? "")).status).toBe(200);
    expect(await w.instances("sleeper")).toBe(1);
    expect((await w.get("sleeper")).metadata.resourceVersion).toBe(resourceVersion);
  });

  it("of a deployment wins over the backend's default, member by member", async () => {
    await using w = await start({ defaultScaling: { min: 0, max: 3, downDelaySeconds: 60 } });
    await w.deploy("steady", { scaling: { min: 1, requestTimeoutSeconds: 30 } });
    await w.until("steady");
    expect(await w.app("steady")).toMatchObject({
      scale_min_instances: 1,
      scale_max_instances: 3,
      scale_down_delay: 60,
      scale_request_timeout: 30,
    });
    expect(await w.condition("steady", "Accepted")).toMatchObject({ message: "the spec can be run" });
  });

  it("above what there is is refused before Code Engine hears of it", async () => {
    await using w = await start();
    w.world.emulator.calls.clear();
    await expect(w.deploy("huge", { scaling: { min: 251 } })).rejects.toThrow("spec.scaling.min");
    await expect(w.deploy("slow", { scaling: { requestTimeoutSeconds: 601 } })).rejects.toThrow(
      "spec.scaling.requestTimeoutSeconds",
    );
    expect(w.world.emulator.calls.writes()).toEqual([]);
  });
});

describe("visibility", () => {
  it("changes what is reached, and neither revision nor process", async () => {
    await using w = await start();
    await w.deploy("server", { health: { probe: "tcp" } });
    const before = await w.until("server");
    const revision = await w.revisions("server");
    const key = { namespace: "default", name: "server" };
    const patch = { spec: { exposure: { visibility: "public" } } };
    await w.client.patch(runtimeDeployments, key, { type: "merge", body: patch });
    const after = await w.until(
      "server",
      ({ status }) => status?.workload?.endpoint !== before.status?.workload?.endpoint,
    );
    expect((await fetch(after.status?.workload?.endpoint ?? "")).status).toBe(200);
    expect(await w.revisions("server")).toBe(revision);
    const { startedAt, restartCount } = before.status?.workload ?? {};
    expect(after.status?.workload).toMatchObject({ startedAt, restartCount, generation: 2 });
    expect(await w.app("server")).toMatchObject({ managed_domain_mappings: "local_public" });
  });
});
