import { describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { schemaOf } from "./support/definition.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
const STRING = { type: "string" };

// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
// and #field-pruning
describe("defaults and pruning of custom objects", () => {
  it("reach into lists, maps and objects that are there, not into those that are not", async () => {
    const item = { type: "object", properties: { name: STRING, mode: { ...STRING, default: "auto" } } };
    const kind = await suite.kind({
      spec: {
        type: "object",
        properties: {
          list: { type: "array", items: item },
          map: { type: "object", additionalProperties: item },
          object: item,
          absent: item,
        },
      },
    });
    const ns = await suite.namespace();
    const spec = { list: [{ name: "a" }, { mode: "own" }], map: { one: {} }, object: {} };
    const made = await suite.api.create(kind.in(ns.name), kind.object("deep", { spec }));
    expect(made.spec).toEqual({
      list: [{ name: "a", mode: "auto" }, { mode: "own" }],
      map: { one: { mode: "auto" } },
      object: { mode: "auto" },
    });
  });

  it("come back when a patch removes the field", async () => {
    const kind = await suite.kind();
    const ns = await suite.namespace();
    await suite.api.create(kind.in(ns.name), kind.object("scaled", { spec: { replicas: 5 } }));
    const patched = await suite.api.merge(kind.in(ns.name, "scaled"), { spec: { replicas: null } });
    expect(patched.spec).toEqual({ replicas: 1 });
  });

  it("belong to nobody who applies", async () => {
    const kind = await suite.kind();
    const ns = await suite.namespace();
    const path = kind.in(ns.name, "applied");
    const applied = await suite.api.apply(path, kind.object("applied", { spec: { color: "red" } }), {
      fieldManager: "one",
    });
    expect(applied.spec).toEqual({ color: "red", replicas: 1 });
    expect(JSON.stringify(applied.metadata.managedFields)).not.toContain("f:replicas");
    const other = kind.object("applied", { spec: { replicas: 3 } });
    expect((await suite.api.apply(path, other, { fieldManager: "two" })).spec).toEqual({ color: "red", replicas: 3 });
  });

  it("of a changed definition show in lists and watches of older objects", async () => {
    const kind = await suite.kind({ spec: { type: "object", properties: { old: STRING } } });
    const ns = await suite.namespace();
    await suite.api.create(kind.in(ns.name), kind.object("older", { spec: { old: "x" } }));
    const [version] = kind.definition.spec.versions;
    const spec = { type: "object", properties: { added: { ...STRING, default: "here" } } };
    const versions = [{ ...version, schema: schemaOf(spec) }];
    await suite.api.merge(kind.path, { spec: { versions } });
    const list = await eventually("the new schema counts", async () => {
      const { items } = await suite.api.get(kind.in(ns.name));
      return JSON.stringify(items[0]?.spec) === '{"added":"here"}' && items;
    });
    expect(list).toHaveLength(1);
    await using watch = await suite.api.watch(kind.in(ns.name));
    expect((await watch.next()).object).toMatchObject({ metadata: { name: "older" }, spec: { added: "here" } });
  });

  it("are of each version its own", async () => {
    const versioned = (value: string) =>
      schemaOf({ type: "object", properties: { mode: { ...STRING, default: value } } });
    const kind = await suite.kind({
      version: { schema: versioned("first") },
      versions: [{ name: "v2", served: true, storage: false, schema: versioned("second") }],
    });
    const ns = await suite.namespace();
    await suite.api.create(kind.in(ns.name), kind.object("made-in-v1", { spec: {} }));
    const second = { ...kind.object("made-in-v2", { spec: {} }), apiVersion: `${kind.group}/v2` };
    await suite.api.create(kind.in(ns.name, undefined, "v2"), second);
    // What a request's version defaults at creation is stored, and is no longer absent for the other version.
    expect((await suite.api.get(kind.in(ns.name, "made-in-v1", "v2"))).spec).toEqual({ mode: "first" });
    expect((await suite.api.get(kind.in(ns.name, "made-in-v2", "v1"))).spec).toEqual({ mode: "second" });
  });

  it("leave no trace of what is pruned: neither a generation nor a version", async () => {
    const kind = await suite.kind();
    const ns = await suite.namespace();
    const made = await suite.api.create(kind.in(ns.name), kind.object("pruned", { spec: { color: "red" } }));
    const patched = await suite.api.merge(kind.in(ns.name, "pruned"), { spec: { unknown: { deep: 1 } } });
    expect(patched.metadata).toEqual(made.metadata);
    expect(patched.spec).toEqual(made.spec);
  });
});
