import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { Kind } from "./support/definition.ts";
import { secret } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";
import { told, type WatchEvent } from "./support/watch.ts";

const suite = conformance();
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

const versionNow = async () => (await suite.api.get(path)).metadata.resourceVersion;
const versionsOf = (events: readonly WatchEvent[]) =>
  events.map(({ object }) => BigInt(object.metadata.resourceVersion));

// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
describe("a watch", () => {
  it("carries versions that only grow, the deletion's its own", async () => {
    const resourceVersion = await versionNow();
    await suite.api.create(path, kind.object("a"));
    const { metadata } = await suite.api.merge(`${path}/a`, { spec: { size: 1 } });
    await suite.api.remove(`${path}/a`);
    await using watch = await suite.api.watch(path, { resourceVersion });
    const events = await watch.take(3);
    expect(events.map(told)).toEqual(["ADDED a", "MODIFIED a", "DELETED a"]);
    const versions = versionsOf(events);
    expect(versions).toEqual(versions.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(versions[2]).toBeGreaterThan(BigInt(metadata.resourceVersion));
  });

  it("may go on from any event of another, and misses and repeats nothing", async () => {
    const resourceVersion = await versionNow();
    for (const name of ["a", "b", "c", "d"]) await suite.api.create(path, kind.object(name));
    await using first = await suite.api.watch(path, { resourceVersion });
    const [, second, ...rest] = await first.take(4);
    await using again = await suite.api.watch(path, { resourceVersion: second?.object.metadata.resourceVersion });
    expect((await again.take(2)).map(told)).toEqual(rest.map(told));
  });

  it("shows every watcher the same", async () => {
    const resourceVersion = await versionNow();
    await using one = await suite.api.watch(path, { resourceVersion });
    await using two = await suite.api.watch(path, { resourceVersion });
    for (const name of ["a", "b"]) await suite.api.create(path, kind.object(name));
    await suite.api.remove(`${path}/a`);
    expect(await one.take(3)).toEqual(await two.take(3));
  });

  // cacheWatcher.convertToWatchEvent, staging/src/k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go
  it("deletes what stops matching as it was while it matched, at the version of the change", async () => {
    await suite.api.create(path, kind.object("a", { metadata: { labels: { shown: "yes" } }, spec: { size: 1 } }));
    const resourceVersion = await versionNow();
    await using watch = await suite.api.watch(path, { resourceVersion, labelSelector: "shown=yes" });
    const patched = await suite.api.merge(`${path}/a`, { metadata: { labels: { shown: "no" } }, spec: { size: 2 } });
    const { type, object } = await watch.next();
    expect(type).toBe("DELETED");
    expect(object.metadata.labels).toEqual({ shown: "yes" });
    expect(object.spec).toMatchObject({ size: 1 });
    expect(object.metadata.resourceVersion).toBe(patched.metadata.resourceVersion);
  });

  it("by set-based labels shows an object for as long as it matches", async () => {
    const resourceVersion = await versionNow();
    await using watch = await suite.api.watch(path, { resourceVersion, labelSelector: "tier in (web, db),!hidden" });
    await suite.api.create(path, kind.object("a", { metadata: { labels: { tier: "cache" } } }));
    await suite.api.merge(`${path}/a`, { metadata: { labels: { tier: "web" } } });
    await suite.api.merge(`${path}/a`, { metadata: { labels: { tier: "db" } } });
    await suite.api.merge(`${path}/a`, { metadata: { labels: { hidden: "yes" } } });
    await suite.api.merge(`${path}/a`, { metadata: { labels: { tier: "web" } } });
    await suite.api.merge(`${path}/a`, { metadata: { labels: { hidden: null } } });
    expect((await watch.take(4)).map(told)).toEqual(["ADDED a", "MODIFIED a", "DELETED a", "ADDED a"]);
  });

  it("does not tell of the deletion of what did not match", async () => {
    await suite.api.create(path, kind.object("other"));
    const resourceVersion = await versionNow();
    await using watch = await suite.api.watch(path, { resourceVersion, labelSelector: "shown=yes" });
    await suite.api.remove(`${path}/other`);
    await suite.api.create(path, kind.object("mine", { metadata: { labels: { shown: "yes" } } }));
    expect(told(await watch.next())).toBe("ADDED mine");
  });

  it("of one object ends with its deletion and begins with its rebirth", async () => {
    const resourceVersion = await versionNow();
    await using watch = await suite.api.watch(path, { resourceVersion, fieldSelector: "metadata.name=a" });
    const first = await suite.api.create(path, kind.object("a"));
    await suite.api.create(path, kind.object("b"));
    await suite.api.remove(`${path}/a`);
    const second = await suite.api.create(path, kind.object("a"));
    const events = await watch.take(3);
    expect(events.map(told)).toEqual(["ADDED a", "DELETED a", "ADDED a"]);
    const { metadata } = first;
    expect(events.map(({ object }) => object.metadata.uid)).toEqual([metadata.uid, metadata.uid, second.metadata.uid]);
  });

  it("ends by itself after timeoutSeconds, after a whole event", async () => {
    const resourceVersion = await versionNow();
    await using watch = await suite.api.watch(path, { resourceVersion, timeoutSeconds: 1 });
    await suite.api.create(path, kind.object("a"));
    expect((await watch.rest()).map(told)).toEqual(["ADDED a"]);
  });

  // https://kubernetes.io/docs/reference/using-api/api-concepts/#watch-bookmarks: when they come is the server's choice.
  it("sends bookmarks that carry a version and nothing else, and is resumed from them", async () => {
    await suite.api.create(path, kind.object("a"));
    const resourceVersion = await versionNow();
    await using watch = await suite.api.watch(path, { resourceVersion, allowWatchBookmarks: true, timeoutSeconds: 3 });
    const bookmarks = (await watch.rest()).filter(({ type }) => type === "BOOKMARK");
    for (const { object } of bookmarks) {
      expect(object).toMatchObject({ kind: kind.kind, apiVersion: kind.apiVersion });
      expect(object.metadata.name ?? "").toBe("");
      expect(BigInt(object.metadata.resourceVersion)).toBeGreaterThanOrEqual(BigInt(resourceVersion));
    }
    const from = bookmarks.at(-1)?.object.metadata.resourceVersion ?? resourceVersion;
    await suite.api.create(path, kind.object("b"));
    await using next = await suite.api.watch(path, { resourceVersion: from });
    expect(told(await next.next())).toBe("ADDED b");
  });

  it("shows a write of the status as any other", async () => {
    await suite.api.create(path, kind.object("a"));
    const resourceVersion = await versionNow();
    await using watch = await suite.api.watch(path, { resourceVersion });
    await suite.api.merge(`${path}/a/status`, { status: { phase: "Up" } });
    expect((await watch.next()).object.status).toEqual({ phase: "Up" });
  });

  it("keeps to its namespace", async () => {
    const other = await suite.namespace();
    await using watch = await suite.api.watch(ns.core("secrets"));
    await suite.api.create(other.core("secrets"), secret("theirs"));
    await suite.api.create(ns.core("secrets"), secret("ours"));
    expect((await watch.next()).object.metadata).toMatchObject({ name: "ours", namespace: ns.name });
  });
});
