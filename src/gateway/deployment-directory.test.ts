import { describe, expect, it } from "@jest/globals";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { ChangeHandler } from "../machinery/lister.ts";
import { deploymentDirectory } from "./deployment-directory.ts";

const URL = "http://127.0.0.1:32768/mcp";
const WORKLOAD = { id: "c-1", startedAt: "2026-01-01T00:00:00Z", transport: "streamable-http", endpoint: URL };

function deployment(status: unknown): RuntimeDeployment {
  return {
    metadata: { name: "files", namespace: "team-a", uid: "u-1", resourceVersion: "1", creationTimestamp: "" },
    spec: { source: { image: { reference: "x" } } },
    ...(status !== undefined && { status }),
  } as RuntimeDeployment;
}

function condition(type: string, status: string, reason = "Connected", message = "it answers") {
  return { type, status, reason, message, lastTransitionTime: "" };
}

/** A cache that holds one object. */
function cacheOf(object: RuntimeDeployment | undefined) {
  const handlers = new Set<ChangeHandler<RuntimeDeployment>>();
  return {
    handlers,
    get: () => object,
    list: () => (object === undefined ? [] : [object]),
    hasSynced: () => true,
    onChange(handler: ChangeHandler<RuntimeDeployment>) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
  };
}

describe("how a deployment is", () => {
  it.each([
    {
      because: "nobody has looked at it",
      status: undefined,
      want: { ready: false, reason: "Pending", retryAfterSeconds: 2 },
    },
    {
      because: "it serves",
      status: { workload: WORKLOAD, conditions: [condition("Ready", "True")] },
      want: { ready: true },
    },
    {
      because: "it serves, and what no status can tell is not known yet",
      status: { workload: { ...WORKLOAD, endpoint: undefined }, conditions: [condition("Ready", "True")] },
      want: { ready: false, reason: "Pending", retryAfterSeconds: 2 },
    },
    {
      because: "it serves, and only its platform can reach it",
      status: { workload: WORKLOAD, conditions: [condition("Ready", "True", "PlatformReady")] },
      want: { ready: false, reason: "NoAddress", retryAfterSeconds: 30 },
    },
    {
      because: "it serves, out of reach",
      status: { conditions: [condition("Ready", "True")] },
      want: { ready: false, reason: "NoAddress", retryAfterSeconds: 30 },
    },
    {
      because: "the controller is about it",
      status: { conditions: [condition("Ready", "False", "Pulling", "pulls"), condition("Reconciling", "True")] },
      want: { ready: false, reason: "Pulling", message: "pulls", retryAfterSeconds: 2 },
    },
    {
      because: "it was stopped, and its address is still known",
      status: { workload: WORKLOAD, conditions: [condition("Ready", "False", "Stopped", "stopped")] },
      want: { ready: false, reason: "Stopped", message: "stopped", retryAfterSeconds: 30 },
    },
  ])("$because", ({ status, want }) => {
    const directory = deploymentDirectory(cacheOf(deployment(status)));
    expect(directory.get("team-a", "files")?.state).toMatchObject(want);
  });
});

describe("what replicas that follow pass on", () => {
  const READY = condition("Ready", "True");
  const seen = { workload: WORKLOAD, conditions: [READY], observedGeneration: 2 };
  const at = (status: unknown, metadata: object = {}) => {
    const object = deployment(status);
    const cache = cacheOf({ ...object, metadata: { ...object.metadata, generation: 2, ...metadata } });
    return deploymentDirectory(cache).get("team-a", "files");
  };

  it.each([
    { because: "it serves as its spec says", status: seen, metadata: {}, want: undefined },
    { because: "nobody has looked at its spec", status: { ...seen, observedGeneration: 1 }, metadata: {}, want: true },
    { because: "nobody has looked at it at all", status: undefined, metadata: {}, want: true },
    {
      because: "it is being deleted",
      status: seen,
      metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" },
      want: true,
    },
    {
      because: "the controller is about it",
      status: { ...seen, conditions: [READY, condition("Reconciling", "True", "Draining")] },
      metadata: {},
      want: true,
    },
  ])("may change: $want, since $because", ({ status, metadata, want }) => {
    expect(at(status, metadata)?.changing).toBe(want);
  });

  it.each([
    { because: "its status says how it is reached", status: seen, want: undefined },
    { because: "no status can say it", status: { ...seen, workload: { id: "c-1", transport: "stdio" } }, want: true },
    { because: "it does not serve", status: { ...seen, conditions: [condition("Ready", "False")] }, want: undefined },
    { because: "nothing runs", status: { ...seen, workload: {} }, want: undefined },
    {
      because: "the gateway of nobody reaches it",
      status: { ...seen, conditions: [condition("Ready", "True", "PlatformReady")] },
      want: undefined,
    },
  ])("is reached by another replica: $want, since $because", ({ status, want }) => {
    expect(at(status)?.elsewhere).toBe(want);
  });
});

it("is reached where its status says", () => {
  const status = { workload: WORKLOAD, mcp: { protocolVersion: "2026-07-28", tools: 3 } };
  const directory = deploymentDirectory(cacheOf(deployment(status)));
  expect(directory.list()).toEqual([
    {
      namespace: "team-a",
      name: "files",
      uid: "u-1",
      state: expect.anything(),
      upstream: { kind: "http", transport: "streamable-http", url: URL, instance: "c-1@2026-01-01T00:00:00Z" },
      protocolVersion: "2026-07-28",
      tools: 3,
    },
  ]);
});

describe("what the controller knows and no status tells", () => {
  const STDIO = { kind: "stdio", backend: "docker", id: "c-1", sessionMode: "Shared" } as const;
  const running = deployment({
    workload: { ...WORKLOAD, transport: "stdio", endpoint: undefined },
    conditions: [condition("Ready", "True")],
  });
  const knowing = (instance: string) => {
    const table = new Set<(key: { namespace: string; name: string }) => void>();
    const known = {
      get: () => ({ ...STDIO, instance }),
      onChange(handler: (key: { namespace: string; name: string }) => void) {
        table.add(handler);
        return () => table.delete(handler);
      },
    };
    return { directory: deploymentDirectory(cacheOf(running), known), table };
  };

  it("counts for the process that the status speaks of", () => {
    const found = knowing(`c-1@${WORKLOAD.startedAt}`).directory.get("team-a", "files");
    expect(found).toMatchObject({ state: { ready: true }, upstream: STDIO });
  });

  it("does not count where the status still speaks of another process", () => {
    const found = knowing("c-1@later").directory.get("team-a", "files");
    expect(found).toMatchObject({ state: { ready: false, reason: "Pending" }, upstream: undefined });
  });

  it("is told of, like what the cache has", () => {
    const { directory, table } = knowing("c-1@");
    const heard: unknown[] = [];
    const stop = directory.onChange((key) => heard.push(key));
    for (const handler of table) handler({ namespace: "team-a", name: "files" });
    expect(heard).toHaveLength(1);
    stop();
    expect(table.size).toBe(0);
  });
});

it("tells of what came, changed and went, by its key", () => {
  const cache = cacheOf(undefined);
  const directory = deploymentDirectory(cache);
  const heard: unknown[] = [];
  const stop = directory.onChange((key) => heard.push(key));
  const object = deployment({});
  for (const handler of cache.handlers) {
    handler(undefined, object);
    handler(object, undefined);
  }
  const key = { namespace: "team-a", name: "files" };
  expect(heard).toEqual([key, key]);
  stop();
  expect(cache.handlers.size).toBe(0);
  expect(directory.get("team-a", "files")).toBeUndefined();
});
