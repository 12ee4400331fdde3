import { beforeAll, describe, expect, it } from "@jest/globals";
import type { Body } from "./support/body.ts";
import type { Kind } from "./support/definition.ts";
import { conformance } from "./support/suite.ts";
import type { WatchEvent } from "./support/watch.ts";

const suite = conformance();
let kind: Kind;

beforeAll(async () => {
  kind = await suite.kind();
});

/** Names of `count` objects. */
const numbered = (count: number) => Array.from({ length: count }, (_, at) => `o-${at}`);

// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
describe("a long watch", () => {
  it("of 1,000 changes by 8 writers shows each of them once and in order", async () => {
    const ns = await suite.namespace();
    const path = kind.in(ns.name);
    const { metadata } = await suite.api.get(path);
    const events = collect(path, metadata.resourceVersion);
    const names = numbered(24);
    const written = new Map<string, Body>();
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (const name of names.slice(writer * 3, writer * 3 + 3)) {
          note(written, await suite.api.create(path, kind.object(name, { spec: { size: 0 } })));
        }
        for (let size = 1; size <= 40; size++) {
          for (const name of names.slice(writer * 3, writer * 3 + 3)) {
            note(written, await suite.api.merge(`${path}/${name}`, { spec: { size } }));
          }
        }
      }),
    );
    await suite.api.create(path, kind.object("last"));
    const seen = await events;
    const versions = seen.map(({ object }) => object.metadata.resourceVersion);
    expect(new Set(versions).size).toBe(versions.length);
    expect(versions).toEqual(versions.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)));
    expect(versions.slice(0, -1).toSorted()).toEqual([...written.keys()].toSorted());
    for (const { object } of seen.slice(0, -1)) {
      expect(object).toEqual(written.get(object.metadata.resourceVersion));
    }
  });

  it("of objects that come and go ends with those that are there", async () => {
    const ns = await suite.namespace();
    const path = kind.in(ns.name);
    const { metadata } = await suite.api.get(path);
    const events = collect(path, metadata.resourceVersion);
    await Promise.all(
      numbered(6).map(async (name, writer) => {
        for (let round = 0; round < 20; round++) {
          await suite.api.create(path, kind.object(name, { spec: { size: round } }));
          await suite.api.merge(`${path}/${name}`, { spec: { color: "red" } });
          if (round < 19 || writer % 2 === 0) await suite.api.remove(`${path}/${name}`);
        }
      }),
    );
    await suite.api.create(path, kind.object("last"));
    const state = new Map<string, string>();
    for (const { type, object } of await events) {
      const { name, uid } = object.metadata;
      if (type === "ADDED") {
        expect(state.has(name)).toBe(false);
        state.set(name, uid);
      } else {
        // A change is of the object that was added last, not of one of the same name before.
        expect(state.get(name)).toBe(uid);
        if (type === "DELETED") state.delete(name);
      }
    }
    const { items } = await suite.api.get(path);
    expect([...state].toSorted()).toEqual(items.map(({ metadata: { name, uid } }) => [name, uid]).toSorted());
  });

  it("that is opened again and again misses and repeats nothing", async () => {
    const ns = await suite.namespace();
    const path = kind.in(ns.name);
    let { resourceVersion } = (await suite.api.get(path)).metadata;
    const total = 200;
    const writer = (async () => {
      for (let at = 0; at < total; at++) await suite.api.create(path, kind.object(`o-${at}`));
    })();
    const seen: string[] = [];
    while (seen.length < total) {
      await using watch = await suite.api.watch(path, { resourceVersion });
      for (const { object } of await watch.take(Math.min(7, total - seen.length))) {
        seen.push(object.metadata.name);
        resourceVersion = object.metadata.resourceVersion;
      }
    }
    await writer;
    expect(seen).toEqual(numbered(total));
  });

  it("of many watchers tells all of them the same", async () => {
    const ns = await suite.namespace();
    const path = kind.in(ns.name);
    const { metadata } = await suite.api.get(path);
    const all = Promise.all(Array.from({ length: 20 }, () => collect(path, metadata.resourceVersion)));
    for (const name of numbered(30)) await suite.api.create(path, kind.object(name));
    await suite.api.create(path, kind.object("last"));
    const [first, ...others] = await all;
    expect(first).toHaveLength(31);
    for (const other of others) expect(other).toEqual(first);
  });
});

const note = (written: Map<string, Body>, object: Body) => written.set(object.metadata.resourceVersion, object);

/**
 * Everything that happens up to the creation of `last`. A server may end a watch whose client is slow, or at any other time:
 * then it is resumed, as an informer does.
 */
async function collect(path: string, resourceVersion: string): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  let from = resourceVersion;
  for (;;) {
    await using watch = await suite.api.watch(path, { resourceVersion: from });
    for (;;) {
      const event = await watch.nextOrEnd();
      if (event === undefined) break;
      if (event.type === "ERROR") throw new Error(`the watch failed: ${event.object.message}`);
      events.push(event);
      from = event.object.metadata.resourceVersion;
      if (event.object.metadata.name === "last") return events;
    }
  }
}
