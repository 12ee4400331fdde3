import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { namesOf } from "./support/body.ts";
import type { Kind } from "./support/definition.ts";
import { conformance, type Namespace } from "./support/suite.ts";
import { told, type WatchEvent } from "./support/watch.ts";

const suite = conformance();
const STREAM = { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", allowWatchBookmarks: true };
let kind: Kind;
let ns: Namespace;
let path: string;

beforeAll(async () => {
  kind = await suite.kind();
});

beforeEach(async () => {
  ns = await suite.namespace();
  path = kind.in(ns.name);
});

const isEnd = ({ type, object }: WatchEvent) =>
  type === "BOOKMARK" && object.metadata.annotations?.["k8s.io/initial-events-end"] === "true";

// https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists
describe("a watch with sendInitialEvents", () => {
  it("sends what there is, then the mark of its end", async () => {
    for (const name of ["a", "b", "c"]) await suite.api.create(path, kind.object(name));
    await using watch = await suite.api.watch(path, STREAM);
    const events = await watch.until(isEnd);
    expect(events.slice(0, -1).map(told).toSorted()).toEqual(["ADDED a", "ADDED b", "ADDED c"]);
  });

  it("marks the end of nothing", async () => {
    await using watch = await suite.api.watch(path, STREAM);
    expect(await watch.until(isEnd)).toHaveLength(1);
  });

  it("ends no earlier than what was written before", async () => {
    for (let round = 0; round < 5; round++) {
      await suite.api.create(path, kind.object(`a-${round}`));
      await using watch = await suite.api.watch(path, STREAM);
      const events = await watch.until(isEnd);
      expect(events.map(told)).toContain(`ADDED a-${round}`);
    }
  });

  it("goes on without a gap while others write", async () => {
    let writing = true;
    const writer = (async () => {
      for (let round = 0; writing; round++) {
        await suite.api.create(path, kind.object(`w-${round % 7}-${round}`));
        if (round % 3 === 2) await suite.api.remove(`${path}/w-${(round - 1) % 7}-${round - 1}`);
      }
    })();
    const states: Map<string, string>[] = [];
    const watches = [];
    for (let index = 0; index < 4; index++) {
      const watch = await suite.api.watch(path, STREAM);
      watches.push(watch);
      const state = new Map<string, string>();
      for (const event of await watch.until(isEnd)) fold(state, event);
      states.push(state);
    }
    writing = false;
    await writer;
    await suite.api.create(path, kind.object("last"));
    const want = namesOf(await suite.api.get(path)).toSorted();
    for (const [index, watch] of watches.entries()) {
      const state = states[index] as Map<string, string>;
      for (const event of await watch.until(({ object }) => object.metadata.name === "last")) fold(state, event);
      expect([...state.keys()].toSorted()).toEqual(want);
      await watch[Symbol.asyncDispose]();
    }
  });

  it("selects as a list does", async () => {
    await suite.api.create(path, kind.object("a", { metadata: { labels: { shown: "yes" } } }));
    await suite.api.create(path, kind.object("b"));
    await using watch = await suite.api.watch(path, { ...STREAM, labelSelector: "shown=yes" });
    const events = await watch.until(isEnd);
    expect(events.slice(0, -1).map(told)).toEqual(["ADDED a"]);
  });

  it("is resumed from the mark", async () => {
    await suite.api.create(path, kind.object("a"));
    await using watch = await suite.api.watch(path, STREAM);
    const mark = (await watch.until(isEnd)).at(-1);
    await suite.api.create(path, kind.object("b"));
    const { resourceVersion } = mark?.object.metadata ?? {};
    await using next = await suite.api.watch(path, { resourceVersion });
    expect(told(await next.next())).toBe("ADDED b");
  });
});

function fold(state: Map<string, string>, { type, object }: WatchEvent): void {
  if (type === "DELETED") state.delete(object.metadata.name);
  else if (type !== "BOOKMARK") state.set(object.metadata.name, object.metadata.resourceVersion);
}
