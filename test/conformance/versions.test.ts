import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Kind, schemaOf } from "./support/definition.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
let kind: Kind;
let ns: Namespace;

beforeAll(async () => {
  kind = await suite.kind({
    versions: [{ name: "v2", served: true, storage: false, schema: schemaOf(), subresources: { status: {} } }],
  });
});

beforeEach(async () => {
  ns = await suite.namespace();
});

const second = () => `${kind.group}/v2`;

// Conversion None: only apiVersion changes,
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/
describe("an object of a kind with two versions", () => {
  it("is one object, in the version of the request", async () => {
    const made = await suite.api.create(kind.in(ns.name), kind.object("both", { spec: { color: "red" } }));
    const seen = await suite.api.get(kind.in(ns.name, "both", "v2"));
    expect(seen.apiVersion).toBe(second());
    expect(seen.metadata.uid).toBe(made.metadata.uid);
    expect(seen.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    expect(seen.spec).toEqual(made.spec);
  });

  it("is listed and watched in the version of the request", async () => {
    await suite.api.create(kind.in(ns.name), kind.object("both"));
    const list = await suite.api.get(kind.in(ns.name, undefined, "v2"));
    expect(list).toMatchObject({ apiVersion: second(), items: [{ apiVersion: second() }] });
    await using watch = await suite.api.watch(kind.in(ns.name, undefined, "v2"));
    await suite.api.merge(kind.in(ns.name, "both"), { spec: { color: "red" } });
    expect((await watch.take(2)).map(({ object }) => object.apiVersion)).toEqual([second(), second()]);
  });

  it("is written through either, and a stale version is stale in both", async () => {
    const made = await suite.api.create(kind.in(ns.name), kind.object("both", { spec: { color: "red" } }));
    await suite.api.merge(kind.in(ns.name, "both", "v2"), { spec: { color: "blue" } });
    const { status } = await suite.api.send("PUT", kind.in(ns.name, "both"), { body: made });
    expect(status).toBe(409);
  });

  it("is not taken in another version than that of the path", async () => {
    const { status, body } = await suite.api.send("POST", kind.in(ns.name, undefined, "v2"), {
      body: kind.object("both"),
    });
    expect([status, body.reason]).toEqual([400, "BadRequest"]);
  });

  it("keeps the owners of fields that were applied in the other version", async () => {
    const path = kind.in(ns.name, "both");
    await suite.api.apply(path, kind.object("both", { spec: { color: "red" } }), { fieldManager: "one" });
    const other = { ...kind.object("both", { spec: { size: 2 } }), apiVersion: second() };
    const applied = await suite.api.apply(kind.in(ns.name, "both", "v2"), other, { fieldManager: "two" });
    expect(applied.spec).toEqual({ color: "red", size: 2, replicas: 1 });
    const versions = applied.metadata.managedFields?.map(({ manager, apiVersion }) => [manager, apiVersion]);
    expect(versions?.toSorted()).toEqual([
      ["one", kind.apiVersion],
      ["two", second()],
    ]);
  });
});
