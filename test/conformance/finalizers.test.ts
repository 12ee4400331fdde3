import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { APPLY_PATCH, MERGE_PATCH } from "./support/client.ts";
import type { Kind } from "./support/definition.ts";
import { conformance, type Namespace } from "./support/suite.ts";
import { told } from "./support/watch.ts";

const suite = conformance();
const HELD = "example.com/held";
let kind: Kind;
let ns: Namespace;
let path: string;

beforeAll(async () => {
  kind = await suite.kind();
});

beforeEach(async () => {
  ns = await suite.namespace();
  path = kind.in(ns.name, "held");
  suite.defer(() => suite.api.send("PATCH", path, { type: MERGE_PATCH, body: { metadata: { finalizers: null } } }));
  await suite.api.create(kind.in(ns.name), kind.object("held", { metadata: { finalizers: [HELD] } }));
});

// https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
describe("finalizers", () => {
  it("keep an object until the last of them is gone, one by one", async () => {
    await suite.api.merge(path, { metadata: { finalizers: [HELD, "example.com/other"] } });
    await suite.api.remove(path);
    const left = await suite.api.merge(path, { metadata: { finalizers: ["example.com/other"] } });
    expect(left.metadata.deletionTimestamp).toBeDefined();
    await suite.api.merge(path, { metadata: { finalizers: [] } });
    expect((await suite.api.send("GET", path)).status).toBe(404);
  });

  it("may be applied, and go when their manager no longer names them", async () => {
    const fields = (finalizers: string[]) => kind.object("held", { metadata: { finalizers } });
    await suite.api.apply(path, fields(["example.com/applied"]), { fieldManager: "one" });
    await suite.api.merge(path, { metadata: { finalizers: ["example.com/applied"] } });
    await suite.api.remove(path);
    const { status } = await suite.api.send("PATCH", path, {
      type: APPLY_PATCH,
      body: kind.object("held"),
      query: { fieldManager: "one", force: true },
    });
    expect(status).toBe(200);
    // The merge patch changed the list and shares the finalizer with nobody else.
    await suite.gone(path);
  });

  it("may be removed while the object is deleted, but not added", async () => {
    await suite.api.remove(path);
    const { status, body } = await suite.api.send("PATCH", path, {
      type: MERGE_PATCH,
      body: { metadata: { finalizers: [HELD, "example.com/late"] } },
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.details.causes?.[0]).toMatchObject({ field: "metadata.finalizers" });
  });

  it("let the status be reported meanwhile", async () => {
    await suite.api.remove(path);
    const reported = await suite.api.merge(`${path}/status`, { status: { phase: "CleaningUp" } });
    expect(reported.status).toEqual({ phase: "CleaningUp" });
    expect(reported.metadata.deletionTimestamp).toBeDefined();
  });

  it("keep the first deletion's time, whoever deletes again", async () => {
    await suite.api.remove(path);
    const first = await suite.api.get(path);
    await suite.api.remove(path);
    const second = await suite.api.get(path);
    expect(second.metadata.deletionTimestamp).toBe(first.metadata.deletionTimestamp);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it("make a watch tell of the mark, then of the end", async () => {
    const { metadata } = await suite.api.get(kind.in(ns.name));
    await using watch = await suite.api.watch(kind.in(ns.name), { resourceVersion: metadata.resourceVersion });
    await suite.api.remove(path);
    await suite.api.merge(path, { metadata: { finalizers: null } });
    const [marked, ended] = await watch.take(2);
    expect([marked, ended].map((event) => event && told(event))).toEqual(["MODIFIED held", "DELETED held"]);
    expect(marked?.object.metadata.deletionTimestamp).toBeDefined();
  });

  it("need the name of a domain", async () => {
    const { status, warnings } = await suite.api.send("PATCH", path, {
      type: MERGE_PATCH,
      body: { metadata: { finalizers: [HELD, "_not a name_"] } },
    });
    expect([status, warnings]).toEqual([422, []]);
  });
});
