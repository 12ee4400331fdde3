import { describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import type { Body } from "./support/body.ts";
import { APPLY_PATCH, MERGE_PATCH } from "./support/client.ts";
import { definition, schemaOf } from "./support/definition.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
const INTEGER = { type: "integer" };
const STRING = { type: "string" };
const rules = (...list: object[]) => ({ "x-kubernetes-validations": list });
const causesOf = (body: Body) => (body.details.causes ?? []).map(({ field, message }) => `${field}: ${message}`);

// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
describe("CEL rules", () => {
  it("that name oldSelf do not run when there is none", async () => {
    const spec = {
      type: "object",
      properties: { size: { ...INTEGER, ...rules({ rule: "self >= oldSelf", message: "may only grow" }) } },
    };
    const kind = await suite.kind({ spec });
    const ns = await suite.namespace();
    const path = kind.in(ns.name, "grown");
    await suite.api.create(kind.in(ns.name), kind.object("grown", { spec: {} }));
    // Added later: still no old value to compare with.
    await suite.api.merge(path, { spec: { size: 5 } });
    await suite.api.merge(path, { spec: { size: 6 } });
    const { status, body } = await suite.api.send("PATCH", path, { type: MERGE_PATCH, body: { spec: { size: 4 } } });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(causesOf(body)).toEqual(["spec.size: Invalid value: 4: may only grow"]);
    // Once removed, it may be anything again.
    await suite.api.merge(path, { spec: { size: null } });
    await suite.api.merge(path, { spec: { size: 1 } });
  });

  it("compare the items of a map list by key, wherever they stand", async () => {
    const item = {
      type: "object",
      required: ["name"],
      properties: { name: STRING, value: INTEGER },
      ...rules({ rule: "self.value >= oldSelf.value", message: "may only grow" }),
    };
    const list = { type: "array", maxItems: 10, items: item, "x-kubernetes-list-type": "map" };
    const spec = { type: "object", properties: { items: { ...list, "x-kubernetes-list-map-keys": ["name"] } } };
    const kind = await suite.kind({ spec });
    const ns = await suite.namespace();
    const path = kind.in(ns.name, "list");
    const at = (...items: [string, number][]) => ({ spec: { items: items.map(([name, value]) => ({ name, value })) } });
    await suite.api.create(kind.in(ns.name), kind.object("list", at(["a", 1], ["b", 10])));
    await suite.api.merge(path, at(["b", 11], ["new", 0], ["a", 2]));
    const { status, body } = await suite.api.send("PATCH", path, {
      type: MERGE_PATCH,
      body: at(["a", 2], ["b", 3], ["new", 0]),
    });
    expect(status).toBe(422);
    expect(body.details.causes?.map(({ field }) => field)).toEqual(["spec.items[1]"]);
  });

  it("cannot name oldSelf where items have no identity", async () => {
    const items = { ...INTEGER, ...rules({ rule: "self >= oldSelf" }) };
    const spec = { type: "object", properties: { list: { type: "array", maxItems: 10, items } } };
    const { status, body } = await suite.api.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
      body: definition({ spec }).definition,
      query: { dryRun: "All" },
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.message).toContain("oldSelf cannot be used on the uncorrelatable portion of the schema");
  });

  it("make a field immutable once it is set, removal included", async () => {
    const spec = {
      type: "object",
      properties: { color: { ...STRING, ...rules({ rule: "self == oldSelf", message: "is immutable" }) } },
      ...rules({ rule: "!has(oldSelf.color) || has(self.color)", message: "color is required once set" }),
    };
    const kind = await suite.kind({ spec });
    const ns = await suite.namespace();
    const path = kind.in(ns.name, "fixed");
    await suite.api.create(kind.in(ns.name), kind.object("fixed", { spec: {} }));
    await suite.api.merge(path, { spec: { color: "red" } });
    const change = await suite.api.send("PATCH", path, { type: MERGE_PATCH, body: { spec: { color: "blue" } } });
    expect(causesOf(change.body)).toEqual(['spec.color: Invalid value: "blue": is immutable']);
    const removal = await suite.api.send("PATCH", path, { type: MERGE_PATCH, body: { spec: { color: null } } });
    expect(removal.status).toBe(422);
    expect(removal.text).toContain("color is required once set");
  });

  it("hold for every kind of write", async () => {
    const spec = {
      type: "object",
      properties: { min: INTEGER, max: INTEGER },
      ...rules({ rule: "self.min <= self.max", message: "min above max", fieldPath: ".min" }),
    };
    const kind = await suite.kind({ spec });
    const ns = await suite.namespace();
    const path = kind.in(ns.name, "range");
    const made = await suite.api.create(kind.in(ns.name), kind.object("range", { spec: { min: 1, max: 2 } }));
    const bad = { spec: { min: 3, max: 2 } };
    const attempts = [
      await suite.api.send("POST", kind.in(ns.name), { body: kind.object("other", bad) }),
      await suite.api.send("PUT", path, { body: { ...made, ...bad } }),
      await suite.api.send("PATCH", path, { type: MERGE_PATCH, body: bad }),
      await suite.api.send("PATCH", path, {
        type: "application/json-patch+json",
        body: [{ op: "replace", path: "/spec/min", value: 3 }],
      }),
      await suite.api.send("PATCH", path, {
        type: APPLY_PATCH,
        body: kind.object("range", bad),
        query: { fieldManager: "conformance", force: true },
      }),
    ];
    for (const { status, body } of attempts) {
      expect(status).toBe(422);
      expect(body.details.causes?.map(({ field }) => field)).toEqual(["spec.min"]);
      expect(body.message).toContain("min above max");
    }
    expect((await suite.api.get(path)).spec).toEqual({ min: 1, max: 2 });
  });

  // Ratcheting, stable since 1.33: a part that an update leaves as it was is not judged anew.
  it("that came later do not hold up a change of something else", async () => {
    const kind = await suite.kind({ spec: { type: "object", properties: { size: INTEGER, color: STRING } } });
    const ns = await suite.namespace();
    const path = kind.in(ns.name, "older");
    await suite.api.create(kind.in(ns.name), kind.object("older", { spec: { size: 100, color: "red" } }));
    const size = { ...INTEGER, ...rules({ rule: "self <= 10", message: "too big" }) };
    const [version] = kind.definition.spec.versions;
    const schema = schemaOf({ type: "object", properties: { size, color: STRING } });
    await suite.api.merge(kind.path, { spec: { versions: [{ ...version, schema }] } });
    const fresh = { body: kind.object("newer", { spec: { size: 100 } }), query: { dryRun: "All" } };
    await eventually("the rule counts", async () => {
      return (await suite.api.send("POST", kind.in(ns.name), fresh)).status === 422;
    });
    expect((await suite.api.merge(path, { spec: { color: "blue" } })).spec).toEqual({ size: 100, color: "blue" });
    const { status } = await suite.api.send("PATCH", path, { type: MERGE_PATCH, body: { spec: { size: 99 } } });
    expect(status).toBe(422);
  });

  it("see of the metadata the name and generateName only", async () => {
    const version = (rule: string) => ({
      version: {
        schema: { openAPIV3Schema: { ...schemaOf().openAPIV3Schema, ...rules({ rule, message: "name too long" }) } },
      },
    });
    const { status, body } = await suite.api.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
      body: definition(version("!has(self.metadata.labels)")).definition,
      query: { dryRun: "All" },
    });
    expect(status).toBe(422);
    expect(body.message).toContain("undefined field 'labels'");
    const kind = await suite.kind(version("self.metadata.name.size() <= 5"));
    const ns = await suite.namespace();
    await suite.api.create(kind.in(ns.name), kind.object("short"));
    expect((await suite.api.send("POST", kind.in(ns.name), { body: kind.object("longer") })).status).toBe(422);
  });

  it("run for a change of the status alone", async () => {
    const status = {
      type: "object",
      properties: {
        phase: { ...STRING, ...rules({ rule: "oldSelf != 'Done' || self == 'Done'", message: "is done" }) },
      },
    };
    const kind = await suite.kind({ status });
    const ns = await suite.namespace();
    const path = `${kind.in(ns.name, "task")}/status`;
    await suite.api.create(kind.in(ns.name), kind.object("task"));
    await suite.api.merge(path, { status: { phase: "Done" } });
    const answer = await suite.api.send("PATCH", path, { type: MERGE_PATCH, body: { status: { phase: "Again" } } });
    expect(answer.status).toBe(422);
    expect(causesOf(answer.body)).toEqual(['status.phase: Invalid value: "Again": is done']);
  });
});
