import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { recordedKinds, recordedObjects } from "../../../test/support/recordings.ts";
import type { JsonSchema } from "../../api/json-schema.ts";
import { type CompiledSchema, compileSchema } from "./compiled-schema.ts";
import { shareEqual } from "./share-equal.ts";

const schemas = new Map<string, CompiledSchema>();
for (const [key, { schema }] of recordedKinds()) schemas.set(key, compileSchema(schema ?? {}));

function schemaOf(plural: string): CompiledSchema {
  return schemas.get(`${plural}/v1`) as CompiledSchema;
}

function byText(items: readonly unknown[]): string[] {
  return items.map((item) => JSON.stringify(item)).sort();
}

/** A schema whose objects have only a `spec` of the given shape. */
function specSchema(spec: JsonSchema): CompiledSchema {
  return compileSchema({ type: "object", properties: { spec } });
}

function object(spec: unknown): { apiVersion: string; kind: string; metadata: { name: string }; spec: unknown } {
  return { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "a" }, spec };
}

describe("a compiled schema answers as kube-apiserver", () => {
  it.each(recordedObjects())("$because", ({ plural, object: sent, pruned = [], errors = [], spec }) => {
    const schema = schemaOf(plural);
    const value = structuredClone(sent);
    const unknown = schema.prune(value);
    schema.applyDefaults(value);
    expect(byText(schema.validate(value).map(({ type, path, message }) => ({ type, path, message })))).toEqual(
      byText(errors),
    );
    if (errors.length === 0) expect([...unknown].sort()).toEqual(pruned);
    if (spec !== undefined) expect(value.spec).toEqual(spec);
  });
});

describe("ratcheting", () => {
  const schema = specSchema({
    type: "object",
    properties: {
      name: { type: "string", pattern: "^[a-z]+$" },
      other: { type: "string" },
      byKey: {
        type: "array",
        items: { type: "object", properties: { k: { type: "string" }, v: { type: "integer", maximum: 1 } } },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
      },
      plain: { type: "array", items: { type: "integer", maximum: 1 } },
      size: { type: "integer", "x-kubernetes-validations": [{ rule: "self < 5" }] },
    },
  });

  it.each([
    { because: "an old value stays", old: { name: "UP" }, next: { name: "UP", other: "x" }, paths: [] },
    { because: "a new value must be valid", old: { name: "UP" }, next: { name: "DOWN" }, paths: ["spec.name"] },
    {
      because: "items of a map list correspond by key",
      old: { byKey: [{ k: "a", v: 9 }] },
      next: {
        byKey: [
          { k: "b", v: 1 },
          { k: "a", v: 9 },
        ],
      },
      paths: [],
    },
    {
      because: "items of other lists correspond to nothing",
      old: { plain: [9] },
      next: { plain: [9, 1] },
      paths: ["spec.plain[0]"],
    },
    { because: "rules let unchanged values be", old: { size: 9 }, next: { size: 9, other: "x" }, paths: [] },
    { because: "rules see changed values", old: { size: 9 }, next: { size: 8 }, paths: ["spec.size"] },
  ])("$because", ({ old, next, paths }) => {
    expect(schema.validate(object(next), object(old)).map(({ path }) => path)).toEqual(paths);
    // Whether parts are the same or only equal makes no difference.
    const before = object(old);
    expect(schema.validate(shared(object(next), before), before).map(({ path }) => path)).toEqual(paths);
  });

  it("tries branches in full, where what did not change decides which of them holds", () => {
    const either = specSchema({
      type: "object",
      properties: { kind: { type: "string" }, other: { type: "string" } },
      oneOf: [{ properties: { kind: { pattern: "^a$" } } }, { properties: { kind: { pattern: "^b$" } } }],
    });
    const before = object({ kind: "a" });
    expect(either.validate(shared(object({ kind: "a", other: "x" }), before), before)).toEqual([]);
  });

  function shared(next: object, before: object): object {
    return shareEqual(next, before) as object;
  }
});

describe("transition rules", () => {
  const schema = specSchema({
    type: "object",
    properties: {
      fixed: { type: "string", "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "fixed" }] },
      items: {
        type: "array",
        items: {
          type: "object",
          properties: { k: { type: "string" }, v: { type: "integer" } },
          "x-kubernetes-validations": [{ rule: "self.v >= oldSelf.v", message: "may only grow" }],
        },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
      },
    },
  });

  it.each([
    { because: "there is nothing to compare with at creation", old: undefined, next: { fixed: "a" }, paths: [] },
    { because: "a change is refused", old: { fixed: "a" }, next: { fixed: "b" }, paths: ["spec.fixed"] },
    { because: "a value that is new has no old one", old: {}, next: { fixed: "b" }, paths: [] },
    {
      because: "items are compared with the item of the same key",
      old: {
        items: [
          { k: "a", v: 1 },
          { k: "b", v: 5 },
        ],
      },
      next: {
        items: [
          { k: "b", v: 4 },
          { k: "a", v: 2 },
        ],
      },
      paths: ["spec.items[0]"],
    },
  ])("$because", ({ old, next, paths }) => {
    const errors = schema.validate(object(next), old === undefined ? undefined : object(old));
    expect(errors.map(({ path }) => path)).toEqual(paths);
  });
});

describe("names that mean something to JavaScript", () => {
  it("are fields like others", () => {
    const schema = specSchema({ type: "object", properties: { constructor: { type: "string" } as JsonSchema } });
    const value = object({ constructor: 1, toString: "x" });
    expect(schema.prune(value)).toEqual(["spec.toString"]);
    expect(schema.validate(value).map(({ path }) => path)).toEqual(["spec.constructor"]);
  });

  it("are unknown where the schema does not name them", () => {
    const schema = specSchema({ type: "object", properties: { a: { type: "string" } } });
    const value = object(JSON.parse('{"constructor":{"prototype":{}},"hasOwnProperty":1}'));
    expect(schema.prune(value)).toEqual(["spec.constructor", "spec.hasOwnProperty"]);
    expect(schema.validate(value)).toEqual([]);
  });
});

describe("the status subresource", () => {
  const schema = compileSchema({
    type: "object",
    properties: {
      spec: { type: "object", properties: { n: { type: "integer", maximum: 1 } } },
      status: { type: "object", properties: { n: { type: "integer" } } },
    },
  });

  it("checks values below status only, and names them from there", () => {
    const value = { ...object({ n: 9 }), status: { n: "x" } };
    expect(schema.validate(value, undefined, { subresource: "status" })).toEqual([
      {
        type: "FieldValueTypeInvalid",
        path: "status.n",
        message: 'Invalid value: "string": n in body must be of type integer: "string"',
      },
    ]);
  });
});

it("leaves nothing for a second pruning and defaulting", () => {
  const values = fc.object({
    maxDepth: 4,
    key: fc.constantFrom("spec", "mode", "image", "health", "ports", "port", "x"),
  });
  fc.assert(
    fc.property(values, (spec) => {
      const schema = schemaOf("widgets");
      const value = structuredClone(object(spec));
      schema.prune(value);
      schema.applyDefaults(value);
      const once = structuredClone(value);
      expect(schema.prune(value)).toEqual([]);
      schema.applyDefaults(value);
      expect(value).toEqual(once);
    }),
  );
});
