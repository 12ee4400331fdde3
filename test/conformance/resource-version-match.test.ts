import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { namesOf } from "./support/body.ts";
import type { Kind } from "./support/definition.ts";
import { conformance, type Namespace } from "./support/suite.ts";

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
  for (const name of ["a", "b", "c"]) await suite.api.create(path, kind.object(name, { spec: { color: "old" } }));
});

const versionNow = async () => (await suite.api.get(path)).metadata.resourceVersion;

// https://kubernetes.io/docs/reference/using-api/api-concepts/#resourceversion-in-metadata: the table for list
describe("resourceVersionMatch", () => {
  it("Exact shows what was deleted and changed since", async () => {
    const resourceVersion = await versionNow();
    await suite.api.remove(kind.in(ns.name, "a"));
    await suite.api.merge(kind.in(ns.name, "b"), { spec: { color: "new" } });
    await suite.api.create(path, kind.object("d"));
    const list = await suite.api.get(path, { resourceVersion, resourceVersionMatch: "Exact" });
    expect(namesOf(list)).toEqual(["a", "b", "c"]);
    expect(list.items[1]?.spec).toMatchObject({ color: "old" });
    expect(list.metadata.resourceVersion).toBe(resourceVersion);
  });

  it("Exact goes on in pages of that version", async () => {
    const resourceVersion = await versionNow();
    await suite.api.remove(kind.in(ns.name, "c"));
    const first = await suite.api.get(path, { resourceVersion, resourceVersionMatch: "Exact", limit: 2 });
    const second = await suite.api.get(path, { continue: first.metadata.continue, limit: 2 });
    expect([...namesOf(first), ...namesOf(second)]).toEqual(["a", "b", "c"]);
    expect(second.metadata.resourceVersion).toBe(resourceVersion);
  });

  it("Exact applies selectors to the objects of that version", async () => {
    const resourceVersion = await versionNow();
    await suite.api.merge(kind.in(ns.name, "b"), { metadata: { labels: { late: "yes" } } });
    const query = { resourceVersion, resourceVersionMatch: "Exact" };
    expect(namesOf(await suite.api.get(path, { ...query, labelSelector: "late=yes" }))).toEqual([]);
    expect(namesOf(await suite.api.get(path, { ...query, labelSelector: "!late" }))).toEqual(["a", "b", "c"]);
  });

  it("NotOlderThan is at least as new", async () => {
    const resourceVersion = await versionNow();
    const { metadata } = await suite.api.get(path, { resourceVersion, resourceVersionMatch: "NotOlderThan" });
    expect(BigInt(metadata.resourceVersion)).toBeGreaterThanOrEqual(BigInt(resourceVersion));
  });

  it("NotOlderThan with the version of a write shows that write", async () => {
    for (let round = 0; round < 10; round++) {
      const name = `round-${round}`;
      const { metadata } = await suite.api.create(path, kind.object(name));
      const { resourceVersion } = metadata;
      const list = await suite.api.get(path, { resourceVersion, resourceVersionMatch: "NotOlderThan" });
      expect(namesOf(list)).toContain(name);
    }
  });

  it("is Exact of itself where a limit stands beside a version", async () => {
    const resourceVersion = await versionNow();
    await suite.api.remove(kind.in(ns.name, "a"));
    const list = await suite.api.get(path, { resourceVersion, limit: 10 });
    expect(namesOf(list)).toEqual(["a", "b", "c"]);
  });

  it("is not asked of a get, whose version is the least that it accepts", async () => {
    const { metadata } = await suite.api.merge(kind.in(ns.name, "a"), { spec: { color: "new" } });
    const found = await suite.api.get(kind.in(ns.name, "a"), { resourceVersion: metadata.resourceVersion });
    expect(found.spec).toMatchObject({ color: "new" });
  });
});
