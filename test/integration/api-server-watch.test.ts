import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Agent, request } from "undici";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

interface Event {
  type: string;
  object: {
    kind: string;
    code?: number;
    metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
  };
}

let dataDir: string;
let api: TestApiServer;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-watch-"));
  api = await startTestApiServer({ dataDir, crds: [] });
});

afterEach(async () => {
  await api.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function restart(): Promise<void> {
  await api.close();
  api = await startTestApiServer({ dataDir, crds: [] });
}

function send(method: string, path: string, body?: unknown) {
  const dispatcher = new Agent({ connect: { ca: api.caPem }, pipelining: 0 });
  const headers = {
    authorization: `Bearer ${api.adminToken}`,
    "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
  };
  return request(api.url + path, {
    method: method as "GET",
    dispatcher,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function call(method: string, path: string, body?: unknown): Promise<Event["object"]> {
  const response = await send(method, path, body);
  return (await response.body.json()) as Event["object"];
}

/** The events of a watch up to its end, which `timeoutSeconds` sets, or up to a number of them. */
async function watch(query: string, count = Number.POSITIVE_INFINITY): Promise<Event[]> {
  const { body } = await send("GET", `${CONFIG_MAPS}?watch=true&${query}`);
  const events: Event[] = [];
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    events.push(...lines.map((line) => JSON.parse(line) as Event));
    if (events.length >= count) break;
  }
  return events;
}

const shown = (events: Event[]) => events.map(({ type, object }) => `${type} ${object.metadata.name}`);

describe("a watch", () => {
  it("resumes from its version after a restart, and misses and repeats nothing", async () => {
    const first = await call("POST", CONFIG_MAPS, { metadata: { name: "a" } });
    await call("PATCH", `${CONFIG_MAPS}/a`, { data: { x: "1" } });
    await call("POST", CONFIG_MAPS, { metadata: { name: "b" } });
    await restart();
    await call("DELETE", `${CONFIG_MAPS}/a`);
    const events = await watch(`resourceVersion=${first.metadata.resourceVersion}`, 3);
    expect(shown(events)).toEqual(["MODIFIED a", "ADDED b", "DELETED a"]);
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  it("shows turns of a selector also when the object changed before a restart", async () => {
    const first = await call("POST", CONFIG_MAPS, { metadata: { name: "a", labels: { on: "yes" } } });
    await call("PATCH", `${CONFIG_MAPS}/a`, { metadata: { labels: { on: "no" } } });
    await restart();
    const query = `resourceVersion=${first.metadata.resourceVersion}&labelSelector=on%3Dyes`;
    expect(shown(await watch(query, 1))).toEqual(["DELETED a"]);
  });

  it("streams the state and marks its end", async () => {
    await call("POST", CONFIG_MAPS, { metadata: { name: "a" } });
    const query = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    const events = await watch(query, 2);
    expect(events.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK"]);
    expect(events[1]?.object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
  });

  it("ends regularly when the server stops", async () => {
    const watching = watch("resourceVersion=0");
    await call("POST", CONFIG_MAPS, { metadata: { name: "a" } });
    await api.close();
    expect(Array.isArray(await watching)).toBe(true);
  });
});

describe("the API server", () => {
  it("asks who is there, and refuses strangers", async () => {
    const dispatcher = new Agent({ connect: { ca: api.caPem } });
    const anonymous = await request(`${api.url}${CONFIG_MAPS}`, { dispatcher });
    expect(anonymous.statusCode).toBe(401);
    const stranger = await request(`${api.url}${CONFIG_MAPS}`, {
      dispatcher,
      headers: { authorization: "Bearer nobody" },
    });
    expect(stranger.statusCode).toBe(401);
  });

  it("lets one of many conflicting updates win", async () => {
    const { metadata } = await call("POST", CONFIG_MAPS, { metadata: { name: "a" } });
    const updates = Array.from({ length: 10 }, (_, index) =>
      call("PUT", `${CONFIG_MAPS}/a`, { metadata, data: { winner: String(index) } }),
    );
    const codes = (await Promise.all(updates)).map(({ code }) => code ?? 200);
    expect(codes.filter((code) => code === 200)).toHaveLength(1);
    expect(codes.filter((code) => code === 409)).toHaveLength(9);
  });

  it("is not started twice on one directory", async () => {
    await expect(startTestApiServer({ dataDir, crds: [] })).rejects.toThrow(/in use by another Slipway/);
  });
});
