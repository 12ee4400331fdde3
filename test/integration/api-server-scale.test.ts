import { readFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { SqliteStore } from "../../src/server/storage/sqlite-store.ts";
import type { Put } from "../../src/server/storage/store.ts";
import { eventually } from "../support/eventually.ts";
import { KillableApiServer, type Reply, type WatchLine } from "../support/killable-api-server.ts";

/** Processes are started: that takes its time on a machine that does other things, too. */
jest.setTimeout(120_000);

const OBJECTS = 50_000;
const DATA = "x".repeat(700);
const PATH = "/api/v1/namespaces/default/configmaps";
const PAGE = 500;

let server: KillableApiServer;
let startMs: number;

const nameOf = (at: number) => `c${String(at).padStart(6, "0")}`;

/** Writes what `OBJECTS` creations over HTTPS would have, past the server, since that takes a second. */
async function fill(dataDir: string): Promise<void> {
  const store = new SqliteStore(join(dataDir, "store.db"));
  for (let from = 0; from < OBJECTS; from += 1000) {
    const puts = Array.from({ length: 1000 }, (_, index) => {
      const name = nameOf(from + index);
      const metadata: Put["object"]["metadata"] & Record<string, unknown> = {
        ...{ name, namespace: "default", uid: `00000000-0000-4000-8000-${String(from + index).padStart(12, "0")}` },
        creationTimestamp: "2026-01-01T00:00:00Z",
      };
      const key = `default/${name}`;
      const object = { kind: "ConfigMap", apiVersion: "v1", metadata, data: { DATA } };
      return store.exclusively("configmaps", key, () => store.put({ resource: "configmaps", key, shape: "", object }));
    });
    await Promise.all(puts);
  }
  await store.close();
}

/** Resident memory of the server, in MiB. */
function memoryMiB(): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

async function list(query: string): Promise<Reply> {
  const { status, body } = await server.call("GET", `${PATH}?${query}`);
  expect(status).toBe(200);
  return body;
}

beforeAll(async () => {
  server = await KillableApiServer.start();
  await server.kill("SIGTERM");
  await fill(server.dataDir);
  const before = performance.now();
  await server.start();
  startMs = performance.now() - before;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe(`${OBJECTS} objects`, () => {
  it("let the server start soon, in bounded memory", () => {
    console.info(`started in ${Math.round(startMs)} ms with ${Math.round(memoryMiB())} MiB`);
    expect(startMs).toBeLessThan(20_000);
    expect(memoryMiB()).toBeLessThan(600);
  });

  it("are listed in pages of one snapshot, whatever is written meanwhile", async () => {
    const started = performance.now();
    const names: string[] = [];
    let page = await list(`limit=${PAGE}`);
    const version = page.metadata.resourceVersion;
    for (let number = 0; ; number++) {
      names.push(...page.items.map(({ metadata }) => metadata.name));
      expect(page.metadata.resourceVersion).toBe(version);
      if (!page.metadata.continue) break;
      if (number % 20 === 0) {
        await server.call("POST", PATH, { metadata: { name: `zz-${number}` } });
        await server.call("DELETE", `${PATH}/${nameOf(OBJECTS - 1 - number)}`);
      }
      page = await list(`limit=${PAGE}&continue=${page.metadata.continue}`);
    }
    expect(names).toEqual(Array.from({ length: OBJECTS }, (_, at) => nameOf(at)));
    const tookMs = performance.now() - started;
    console.info(`${OBJECTS / PAGE} pages in ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(60_000);
  });

  it("are listed at once, and others are answered meanwhile", async () => {
    let isOver = false;
    const whole = list("").finally(() => {
      isOver = true;
    });
    let answered = 0;
    while (!isOver) {
      expect((await server.call("GET", `${PATH}/${nameOf(1)}`)).status).toBe(200);
      answered++;
    }
    expect((await whole).items.length).toBeGreaterThan(OBJECTS - 100);
    expect(answered).toBeGreaterThan(5);
  });

  it("reach a watch that begins with the state, and changes of that time follow", async () => {
    const query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const state = new Map<string, WatchLine>();
    let ended = false;
    let written = 0;
    for await (const line of server.watch(`${PATH}?${query}`)) {
      if (line.type === "BOOKMARK") ended = true;
      else {
        expect(ended || line.type === "ADDED").toBe(true);
        state.set(line.object.metadata.name, line);
      }
      if (state.size % 10_000 === 0 && written < 4) {
        written++;
        await server.call("POST", PATH, { metadata: { name: `during-${written}` } });
      }
      if (ended && state.has("during-4")) break;
    }
    expect(written).toBe(4);
    for (let at = 1; at <= 4; at++) expect(state.get(`during-${at}`)?.type).toBe("ADDED");
    const { items } = await list("limit=1");
    expect(items).toHaveLength(1);
    expect(state.size).toBeGreaterThan(OBJECTS - 100);
  });

  it("do not gather in memory for clients that ask for all of them and read nothing", async () => {
    const before = memoryMiB();
    const { url, caPem, token } = server.announced;
    const stalled = Array.from({ length: 100 }, (_, at) => {
      const query = at % 2 === 0 ? "watch=true&resourceVersion=0" : "";
      const request = get(`${url}${PATH}?${query}`, {
        ...{ ca: caPem, agent: false, headers: { authorization: `Bearer ${token}` } },
      });
      request.on("error", () => undefined);
      return new Promise<() => void>((resolve) =>
        request.once("response", (response) => {
          response.pause();
          response.on("error", () => undefined);
          resolve(() => response.destroy());
        }),
      );
    });
    const release = await Promise.all(stalled);
    const after = memoryMiB();
    console.info(`100 stalled clients: ${Math.round(before)} MiB, then ${Math.round(after)} MiB`);
    // All of them in full would be 5 GiB.
    expect(after - before).toBeLessThan(600);
    for (const end of release) end();
    expect((await server.call("GET", `${PATH}/${nameOf(1)}`)).status).toBe(200);
  });
});

describe("large objects", () => {
  const gadgets = "/apis/test.example/v1/namespaces/default/gadgets";
  const gadget = (name: string, length: number) => ({
    ...{ apiVersion: "test.example/v1", kind: "Gadget", metadata: { name } },
    spec: { text: "x".repeat(length) },
  });
  const merge = (length: number) => [{ spec: { text: "y".repeat(length) } }, "application/merge-patch+json"] as const;

  beforeAll(async () => {
    const names = { plural: "gadgets", singular: "gadget", kind: "Gadget", listKind: "GadgetList" };
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    await server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
      ...{ apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" },
      metadata: { name: "gadgets.test.example" },
      spec: {
        group: "test.example",
        scope: "Namespaced",
        names,
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    });
    await eventually("gadgets are served", async () => (await server.call("GET", gadgets)).status === 200);
  });

  it.each([
    { because: "etcd would take it", length: 1_500_000, status: 201, reason: undefined, message: undefined },
    {
      because: "etcd would not",
      length: 1_600_000,
      status: 500,
      reason: undefined,
      message: "etcdserver: request is too large",
    },
    {
      because: "no server would read it",
      length: 3_200_000,
      status: 413,
      reason: "RequestEntityTooLarge",
      message: "Request entity too large: limit is 3145728",
    },
  ])("of $length bytes are answered $status: $because", async ({ length, status, reason, message }) => {
    const answer = await server.call("POST", gadgets, gadget(`g-${length}`, length));
    expect([answer.status, answer.body.reason, answer.body.message]).toEqual([status, reason, message]);
    expect((await server.call("GET", `${gadgets}/g-${length}`)).status).toBe(status === 201 ? 200 : 404);
  });

  it("do not come about by a patch, and stay as they were", async () => {
    const { body } = await server.call("POST", gadgets, gadget("grows", 10));
    const { status, body: refusal } = await server.call("PATCH", `${gadgets}/grows`, ...merge(1_600_000));
    expect([status, refusal.message]).toEqual([500, "etcdserver: request is too large"]);
    const { body: after } = await server.call("GET", `${gadgets}/grows`);
    expect(after.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    expect((await server.call("PATCH", `${gadgets}/grows`, ...merge(20))).status).toBe(200);
  });

  it("of a burst are forgotten early: whoever was before it is answered 410", async () => {
    const { body } = await server.call("POST", gadgets, gadget("burst", 10));
    await server.call("POST", gadgets, gadget("burst-2", 10));
    const { body: page } = await server.call("GET", `${gadgets}?limit=1`);
    for (let at = 0; at < 45; at++) {
      expect((await server.call("PATCH", `${gadgets}/burst`, ...merge(1_000_000 + at))).status).toBe(200);
    }
    const version = body.metadata.resourceVersion;
    const { value } = await server.watch(`${gadgets}?watch=true&resourceVersion=${version}`).next();
    expect(value).toMatchObject({
      type: "ERROR",
      object: {
        kind: "Status",
        code: 410,
        reason: "Expired",
        message: expect.stringMatching(/^too old resource version: \d+ \(\d+\)$/),
      },
    });
    const exact = await server.call("GET", `${gadgets}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect([exact.status, exact.body.reason]).toEqual([410, "Expired"]);
    const next = await server.call("GET", `${gadgets}?limit=1&continue=${page.metadata.continue}`);
    expect([next.status, next.body.reason]).toEqual([410, "Expired"]);
    expect(next.body.message).toMatch(
      /^The provided continue parameter is too old to display a consistent list result/,
    );
    // The inconsistent continuation that the answer offers goes on from where the client was.
    const offered = await server.call("GET", `${gadgets}?limit=1&continue=${next.body.metadata.continue}`);
    expect(offered.status).toBe(200);
    expect(offered.body.items).toHaveLength(1);
    console.info(`${Math.round(memoryMiB())} MiB after 45 MB of changes`);
  });
});
