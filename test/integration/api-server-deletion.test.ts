import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { Agent, request } from "undici";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";

interface Found {
  readonly code?: number;
  readonly reason?: string;
  readonly status?: { readonly phase?: string };
  readonly items: readonly Found[];
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly ownerReferences?: readonly object[];
  };
}

interface Owner {
  readonly of: Found;
  readonly blockOwnerDeletion?: boolean;
}

/** Shorter than the time a test may take, so that what is awaited is named. */
const PATIENCE = { timeoutMs: 15_000, everyMs: 50 };
const HELD = "example.com/held";

jest.setTimeout(40_000);

let api: TestApiServer;
let agent: Agent;
let namespaces = 0;
let namespace: string;
let configMaps: string;

beforeAll(async () => {
  api = await startTestApiServer({ crds: [] });
  agent = new Agent({ connect: { ca: api.caPem } });
});

afterAll(async () => {
  await agent.destroy();
  await api[Symbol.asyncDispose]();
});

async function call(method: string, path: string, body?: unknown): Promise<Found> {
  const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const answer = await request(api.url + path, {
    method: method as "GET",
    dispatcher: agent,
    headers: { authorization: `Bearer ${api.adminToken}`, "content-type": contentType },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await answer.body.json()) as Found;
}

async function newNamespace(): Promise<void> {
  namespaces += 1;
  namespace = `deletion-${namespaces}`;
  configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
  await call("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
}

function create(name: string, metadata: { owners?: readonly Owner[]; finalizers?: string[]; labels?: object } = {}) {
  const { owners = [], ...rest } = metadata;
  return call("POST", configMaps, { metadata: { name, ...rest, ownerReferences: owners.map(reference) } });
}

function reference({ of: { metadata }, blockOwnerDeletion = true }: Owner) {
  return { apiVersion: "v1", kind: "ConfigMap", name: metadata.name, uid: metadata.uid, blockOwnerDeletion };
}

const get = (name: string) => call("GET", `${configMaps}/${name}`);
const remove = (name: string, propagationPolicy: string) =>
  call("DELETE", `${configMaps}/${name}`, { propagationPolicy });
const release = (name: string) => call("PATCH", `${configMaps}/${name}`, { metadata: { finalizers: null } });
const gone = (name: string) => eventually(`${name} is gone`, async () => (await get(name)).code === 404, PATIENCE);
const marked = (name: string) =>
  eventually(`${name} is marked`, async () => (await get(name)).metadata?.deletionTimestamp !== undefined, PATIENCE);

describe("owners and what they own", () => {
  beforeEach(newNamespace);

  it("go dependents first in the foreground, and the owner waits for those that block", async () => {
    const owner = await create("owner");
    await create("blocking", { owners: [{ of: owner }], finalizers: [HELD] });
    const answer = await remove("owner", "Foreground");
    expect(answer.metadata.finalizers).toEqual(["foregroundDeletion"]);
    await marked("blocking");
    expect((await get("owner")).metadata.deletionTimestamp).toBeDefined();
    await release("blocking");
    await gone("blocking");
    await gone("owner");
  });

  it("do not wait for dependents that do not block", async () => {
    const owner = await create("owner");
    await create("free", { owners: [{ of: owner, blockOwnerDeletion: false }], finalizers: [HELD] });
    await remove("owner", "Foreground");
    await gone("owner");
    await marked("free");
    await release("free");
    await gone("free");
  });

  it("go level by level in the foreground", async () => {
    const top = await create("top");
    const middle = await create("middle", { owners: [{ of: top }] });
    await create("leaf", { owners: [{ of: middle }], finalizers: [HELD] });
    await remove("top", "Foreground");
    await marked("leaf");
    expect((await get("middle")).metadata.finalizers).toEqual(["foregroundDeletion"]);
    expect((await get("top")).metadata.finalizers).toEqual(["foregroundDeletion"]);
    await release("leaf");
    await gone("top");
    await gone("middle");
  });

  it("do not wait for each other for ever where they own each other", async () => {
    const first = await create("first");
    const second = await create("second", { owners: [{ of: first }] });
    await call("PATCH", `${configMaps}/first`, { metadata: { ownerReferences: [reference({ of: second })] } });
    await remove("first", "Foreground");
    await gone("first");
    await gone("second");
  });

  it("go after their owner in the background", async () => {
    const owner = await create("owner");
    await create("dependent", { owners: [{ of: owner }] });
    await remove("owner", "Background");
    expect((await get("owner")).code).toBe(404);
    await gone("dependent");
  });

  it("stay as orphans when that is asked, without a trace of the owner", async () => {
    const owner = await create("owner");
    await create("dependent", { owners: [{ of: owner }] });
    await remove("owner", "Orphan");
    await gone("owner");
    const { metadata } = await get("dependent");
    expect(metadata.ownerReferences).toBeUndefined();
    expect(metadata.deletionTimestamp).toBeUndefined();
  });

  it("stay while one of several owners does, and forget the others", async () => {
    const [lost, kept] = [await create("lost"), await create("kept")];
    await create("shared", { owners: [{ of: lost }, { of: kept }] });
    await remove("lost", "Background");
    await eventually(
      "the owner is forgotten",
      async () => (await get("shared")).metadata.ownerReferences?.length === 1,
    );
    await remove("kept", "Background");
    await gone("shared");
  });

  it("go when their owner is another of the same name by now", async () => {
    const owner = await create("owner");
    await remove("owner", "Background");
    await create("owner");
    await create("stale", { owners: [{ of: owner }] });
    await gone("stale");
    expect((await get("owner")).metadata.name).toBe("owner");
  });
});

describe("a namespace that ends", () => {
  beforeEach(newNamespace);

  it("waits for finalizers of what is in it, takes nothing new, and goes with the last", async () => {
    await create("held", { finalizers: [HELD] });
    await create("plain");
    const ending = await call("DELETE", `/api/v1/namespaces/${namespace}`);
    expect(ending.status?.phase).toBe("Terminating");
    await gone("plain");
    await marked("held");
    expect(await create("late")).toMatchObject({
      code: 403,
      reason: "Forbidden",
      details: { causes: [{ reason: "NamespaceTerminating" }] },
    });
    await release("held");
    const path = `/api/v1/namespaces/${namespace}`;
    await eventually("the namespace is gone", async () => (await call("GET", path)).code === 404);
  });
});

describe("the deletion of a collection", () => {
  beforeEach(newNamespace);

  it("takes what the selector matches, marks what finalizers hold, and leaves the rest", async () => {
    const labels = { tier: "old" };
    await create("a", { labels });
    await create("b", { labels, finalizers: [HELD] });
    await create("c");
    const answer = await call("DELETE", `${configMaps}?labelSelector=tier%3Dold`);
    expect(answer.items.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    const left = await call("GET", configMaps);
    expect(left.items.map(({ metadata }) => [metadata.name, metadata.deletionTimestamp !== undefined])).toEqual([
      ["b", true],
      ["c", false],
    ]);
    await release("b");
  });

  it("takes what a field selector names, and nothing in a dry run", async () => {
    await create("a");
    await create("b");
    const path = `${configMaps}?fieldSelector=metadata.name%3Da`;
    await call("DELETE", `${path}&dryRun=All`);
    expect((await call("GET", configMaps)).items).toHaveLength(2);
    await call("DELETE", path);
    expect((await call("GET", configMaps)).items.map(({ metadata }) => metadata.name)).toEqual(["b"]);
  });
});
