import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../../test/support/eventually.ts";
import { answer, FakeApi, type Fault, hangUp, refuse, silence } from "../../test/support/fake-api.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { type ConfigMap, configMaps } from "../api/core.ts";
import { createKubeClient, type DisposableKubeClient } from "./http-kube-client.ts";
import { dropManagedFields, Informer, type InformerOptions } from "./informer.ts";

/** Short enough for a test, long enough that a slow machine does not cut what is healthy. */
const timing = { silenceMs: 60_000, healthyAfterMs: 0, minBackoffMs: 1, maxBackoffMs: 5 };

let api: FakeApi;
let client: DisposableKubeClient;
let stop: AbortController;
let running: Promise<void>[];

beforeEach(async () => {
  api = await FakeApi.start();
  client = await createKubeClient({ kubeconfigText: api.kubeconfig(), requestTimeoutMs: 20_000 });
  stop = new AbortController();
  running = [];
});

afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  client[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

function newInformer(options: Partial<InformerOptions<ConfigMap>> = {}) {
  const { logger, lines } = recordingLogger();
  const informer = new Informer({ client, type: configMaps, logger, timing, ...options });
  return { informer, lines };
}

/** An informer that has its first list. */
async function startInformer(options: Partial<InformerOptions<ConfigMap>> = {}) {
  const started = newInformer(options);
  running.push(started.informer.run(stop.signal));
  await started.informer.whenReady(AbortSignal.timeout(20_000));
  return started;
}

/** What is known of each object: enough to tell any two states apart. */
function stateOf(objects: readonly ConfigMap[]): string[] {
  return objects
    .map(({ metadata, data }) => `${metadata.namespace}/${metadata.name}=${data?.value}@${metadata.resourceVersion}`)
    .sort();
}

async function inStep(informer: Informer<ConfigMap>): Promise<void> {
  await eventually(
    "the cache equals the server",
    () => JSON.stringify(stateOf(informer.list())) === JSON.stringify(stateOf(api.objects)),
    { everyMs: 2, timeoutMs: 20_000, explain: () => JSON.stringify([stateOf(informer.list()), stateOf(api.objects)]) },
  );
}

const watching = () => eventually("a watch is open", () => api.openWatches === 1, { everyMs: 2, timeoutMs: 20_000 });

describe("an informer", () => {
  it("holds the list, in pages, and what is said afterwards", async () => {
    for (let at = 0; at < 25; at++) api.put(`c${at}`);
    const { informer } = await startInformer({ timing: { ...timing, pageSize: 10 } });
    expect(informer.list()).toHaveLength(25);
    expect(api.requests.filter(({ query }) => query.get("limit") === "10")).toHaveLength(3);
    api.put("c3", "changed");
    api.remove("c4");
    api.put("new");
    await inStep(informer);
    expect(informer.get({ namespace: "default", name: "c3" })?.data).toEqual({ value: "changed" });
    expect(api.count("list")).toBe(1);
  });

  it("has not synced before the whole list is there", async () => {
    api.failNext("list", silence);
    const { informer } = newInformer();
    running.push(informer.run(stop.signal));
    await eventually("the list is asked for", () => api.count("list") === 1, { everyMs: 2 });
    expect(informer.hasSynced()).toBe(false);
    await expect(informer.whenReady(AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
  });

  it("tells handlers the old and the new state, after the cache has it", async () => {
    api.put("a", "1");
    const { informer } = await startInformer();
    const told: unknown[] = [];
    informer.onChange((before, after) => {
      told.push([before?.data?.value, after?.data?.value, informer.list().map(({ data }) => data?.value)]);
    });
    api.put("a", "2");
    api.remove("a");
    await inStep(informer);
    expect(told).toEqual([
      [undefined, "1", ["1"]],
      ["1", "2", ["2"]],
      ["2", undefined, []],
    ]);
  });

  it("keeps one handler's failure from the others", async () => {
    const { informer, lines } = await startInformer();
    const told: (string | undefined)[] = [];
    informer.onChange(() => {
      throw new Error("defect");
    });
    const end = informer.onChange((_, after) => told.push(after?.metadata.name));
    api.put("a");
    await inStep(informer);
    end();
    api.put("b");
    await inStep(informer);
    expect(told).toEqual(["a"]);
    expect(lines.filter(({ level }) => level === "error")[0]).toMatchObject({ fields: { key: "default/a" } });
  });

  it("hands out objects that nobody can change", async () => {
    api.put("a", "1");
    const { informer } = await startInformer();
    const object = informer.list()[0];
    expect(() => Object.assign(object?.data ?? {}, { value: "2" })).toThrow(TypeError);
  });

  it("finds objects by namespace and by index, and survives an index that fails", async () => {
    api.put("a", "red", "one");
    api.put("b", "blue", "two");
    api.put("c", "red", "two");
    const { informer, lines } = await startInformer({
      indexes: {
        colour: ({ data }) => [data?.value ?? ""],
        broken: () => {
          throw new Error("defect");
        },
      },
    });
    const names = (objects: readonly ConfigMap[]) => objects.map(({ metadata }) => metadata.name).sort();
    expect(names(informer.list("two"))).toEqual(["b", "c"]);
    expect(names(informer.byIndex("colour", "red"))).toEqual(["a", "c"]);
    expect(informer.byIndex("broken", "x")).toEqual([]);
    expect(() => informer.byIndex("size", "x")).toThrow(RangeError);
    api.put("c", "blue", "two");
    await inStep(informer);
    expect(names(informer.byIndex("colour", "red"))).toEqual(["a"]);
    expect(names(informer.byIndex("colour", "blue"))).toEqual(["b", "c"]);
    expect(lines.some(({ message }) => message.includes("index broken failed"))).toBe(true);
  });

  it("asks only for its scope, and for bookmarks", async () => {
    const scope = { namespace: "one", labelSelector: "a=b", fieldSelector: "metadata.name=x" };
    await startInformer({ scope });
    await watching();
    const [list, watch] = api.requests;
    expect([list?.path, watch?.path]).toEqual(Array(2).fill("/api/v1/namespaces/one/configmaps"));
    expect(watch?.query.get("labelSelector")).toBe("a=b");
    expect(watch?.query.get("fieldSelector")).toBe("metadata.name=x");
    expect(watch?.query.get("allowWatchBookmarks")).toBe("true");
    expect(Number(watch?.query.get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
  });

  it("lets a transform drop fields before they are kept", async () => {
    const { informer } = await startInformer({
      transform: (object) => dropManagedFields({ ...object, data: { value: "dropped" } }),
    });
    api.put("a", "secret");
    await eventually("the object is there", () => informer.list().length === 1, { everyMs: 2 });
    expect(informer.list()[0]?.data).toEqual({ value: "dropped" });
  });

  it("does not run twice", async () => {
    const { informer } = await startInformer();
    await expect(informer.run(stop.signal)).rejects.toThrow("runs already");
  });
});

describe("after an interruption an informer", () => {
  const interruptions: { because: string; interrupt: () => void }[] = [
    { because: "the server ended the watch", interrupt: () => api.endWatches() },
    { because: "the connection broke", interrupt: () => api.cutWatches() },
    { because: "the connection broke within a line", interrupt: () => api.cutWatches({ midLine: true }) },
  ];

  it.each(interruptions)("resumes where it was: $because", async ({ interrupt }) => {
    api.put("a", "1");
    const { informer } = await startInformer();
    await watching();
    api.put("a", "2");
    await inStep(informer);
    const lastVersion = informer.list()[0]?.metadata.resourceVersion;
    interrupt();
    api.put("b", "missed");
    api.remove("a");
    await inStep(informer);
    const resumed = api.requests.filter(({ query }) => query.has("watch"))[1];
    expect(resumed?.query.get("resourceVersion")).toBe(lastVersion);
    expect(api.count("list")).toBe(1);
  });

  it("resumes from a bookmark, so that a quiet kind needs no list after a compaction", async () => {
    const { informer } = await startInformer({ scope: { namespace: "default" } });
    await watching();
    api.mute(true);
    for (let at = 0; at < 5; at++) api.put("elsewhere", String(at), "other");
    api.mute(false);
    api.bookmark();
    const version = String(Math.max(...api.objects.map(({ metadata }) => Number(metadata.resourceVersion))));
    await eventually("the bookmark is taken in", () => {
      if (api.openWatches === 0) return false;
      api.endWatches();
      return api.requests.at(-1)?.query.get("resourceVersion") === version;
    });
    api.compact();
    api.endWatches();
    api.put("a");
    await eventually("the new object is there", () => informer.get({ namespace: "default", name: "a" }) !== undefined);
    expect(api.count("list")).toBe(1);
  });

  const expiries: { because: string; expire: () => void }[] = [
    { because: "the watch is refused with 410", expire: () => api.cutWatches() },
    {
      because: "the watch itself says 410",
      expire: () => {
        const status = {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Failure",
          message: "too old resource version",
          reason: "Expired",
          code: 410,
        };
        api.say(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
      },
    },
    { because: "the watch says what is not JSON", expire: () => api.say("<html>\n") },
    { because: "the watch says what is no event", expire: () => api.say('{"type":"ADDED","object":{}}\n') },
  ];

  it.each(expiries)("lists anew and tells the deletes that it missed: $because", async ({ expire }) => {
    for (const name of ["stays", "changes", "goes"]) api.put(name, "1");
    const { informer } = await startInformer();
    await watching();
    const told: (string | undefined)[][] = [];
    informer.onChange((before, after) => {
      if (before) told.push([before.metadata.name, before.data?.value, after?.data?.value]);
    });
    api.mute(true);
    api.remove("goes");
    api.put("changes", "2");
    api.compact();
    api.mute(false);
    expire();
    await inStep(informer);
    expect(told).toEqual([
      ["goes", "1", undefined],
      ["changes", "1", "2"],
    ]);
    expect(api.count("list")).toBe(2);
  });

  it("cuts a watch that says nothing, and resumes it", async () => {
    const ends: string[] = [];
    const { informer } = await startInformer({
      timing: { ...timing, silenceMs: 50 },
      metrics: { watchEnded: (why) => ends.push(why) },
    });
    await watching();
    api.mute(true);
    api.put("a", "unseen");
    await inStep(informer);
    expect(ends).toContain("silent");
    expect(api.count("list")).toBe(1);
  });

  it("takes the list in one piece when its pages expire under way", async () => {
    for (let at = 0; at < 5; at++) api.put(`c${at}`);
    const refusal: Fault = (response, request) => {
      expect(request.query.has("continue")).toBe(true);
      refuse(410, "Expired")(response, request);
    };
    api.failNext(
      "list",
      (response, request) => {
        const [first] = api.objects;
        answer(
          200,
          JSON.stringify({
            kind: "ConfigMapList",
            apiVersion: "v1",
            metadata: { resourceVersion: "1", continue: "x" },
            items: [first],
          }),
        )(response, request);
      },
      refusal,
    );
    const { informer } = await startInformer();
    expect(informer.list()).toHaveLength(5);
    expect(api.requests[2]?.query.has("limit")).toBe(false);
  });

  it("survives a server that fails in every way before it works", async () => {
    api.put("a");
    api.failNext(
      "list",
      hangUp,
      refuse(500, "InternalError"),
      refuse(403, "Forbidden"),
      answer(200, '{"items": ['),
      answer(200, "{}"),
      answer(502, "<html>"),
    );
    api.failNext(
      "watch",
      refuse(500, "InternalError"),
      hangUp,
      refuse(429, "TooManyRequests"),
      answer(200, ""),
      answer(302, "", { location: "/" }),
    );
    const { informer, lines } = await startInformer();
    await watching();
    api.put("b");
    await inStep(informer);
    expect(api.count("list")).toBe(7);
    expect(lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(JSON.stringify(lines)).not.toContain("secret-token");
  });

  it("reports lists, silence and ends", async () => {
    const seen: unknown[] = [];
    const { informer } = await startInformer({
      metrics: {
        listed: (objects) => seen.push(["listed", objects]),
        contact: (silentMs) => seen.push(["contact", silentMs >= 0]),
        watchEnded: (why) => seen.push(["ended", why]),
      },
    });
    await watching();
    api.put("a");
    await inStep(informer);
    api.endWatches();
    await eventually("the end is told", () => seen.length === 3);
    expect(seen).toEqual([
      ["listed", 0],
      ["contact", true],
      ["ended", "closed"],
    ]);
  });
});
