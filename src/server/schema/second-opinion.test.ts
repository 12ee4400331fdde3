import { expect, it } from "@jest/globals";
import { Ajv } from "ajv";
import fc from "fast-check";
import type { JsonSchema } from "../../api/json-schema.ts";
import { objectSchema } from "../../api/v1alpha1/kind-schema.ts";
import { kindSchemas } from "../../api/v1alpha1/kinds.ts";
import { compileSchema } from "./compiled-schema.ts";

/**
 * Plain JSON Schema: int-or-string spelled out, Kubernetes' own keywords and the rules in CEL left away, and lists let pass for
 * texts that have a format, as kube-apiserver does.
 */
function asJsonSchema(schema: JsonSchema): Record<string, unknown> {
  const { properties, items, additionalProperties, ...rest } = schema;
  const plain = Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith("x-kubernetes-")));
  return {
    ...plain,
    ...(schema["x-kubernetes-int-or-string"] && { type: ["integer", "string"] }),
    ...(schema.type === "string" && schema.format && { type: ["string", "array"] }),
    ...(items && { items: asJsonSchema(items) }),
    ...(typeof additionalProperties === "object" && { additionalProperties: asJsonSchema(additionalProperties) }),
    ...(properties && { properties: mapValues(properties, asJsonSchema) }),
  };
}

function withoutRules(schema: JsonSchema): JsonSchema {
  const { "x-kubernetes-validations": _, "x-kubernetes-list-type": __, ...rest } = schema;
  return {
    ...rest,
    ...(schema.items && { items: withoutRules(schema.items) }),
    ...(schema.properties && { properties: mapValues(schema.properties, withoutRules) }),
  };
}

function mapValues<A, B>(record: Record<string, A>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/** Values near the schema: mostly right, else of the wrong type, length or range. Never null, which defaulting takes away. */
function near(schema: JsonSchema): fc.Arbitrary<unknown> {
  const odd = fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 300 }), fc.constant([]), fc.constant({}));
  return fc.oneof({ arbitrary: right(schema), weight: 60 }, { arbitrary: odd, weight: 1 });
}

const TEXTS = [
  "a",
  "/a",
  "default",
  "1",
  "500m",
  "us-south",
  "0".repeat(32),
  "0".repeat(40),
  "https://a.b/c",
  "00000000-0000-4000-8000-000000000000",
  "unix:///run/docker.sock",
  "https://a.b",
  "2026-11-21T10:00:00Z",
  `v1:sha256:${"0".repeat(64)}`,
  "a@b.c",
];

/** Of integers the bounds are what counts. */
const FORMATS = { "date-time": /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/, int32: true, int64: true } as const;

function right(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { pattern = "", minLength = 0, minimum = 0, maximum = 70_000 } = schema;
  const format = schema.format === "date-time" ? FORMATS["date-time"] : /(?:)/;
  const texts = TEXTS.filter((text) => text.length >= minLength && new RegExp(pattern).test(text) && format.test(text));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema["x-kubernetes-int-or-string"] ? "string" : schema.type) {
    case "object":
      return fc.record(mapValues(schema.properties ?? {}, near), { requiredKeys: schema.required ?? [] });
    case "array":
      return fc.array(near(schema.items ?? {}), { maxLength: 2 });
    case "integer":
      return fc.integer({ min: minimum, max: maximum });
    case "boolean":
      return fc.boolean();
    default:
      return fc.constantFrom(...texts);
  }
}

it.each(kindSchemas.map((kind) => ({ name: kind.names.kind, kind })))(
  "judges the values of a $name as Ajv does",
  ({ kind }) => {
    const schema = withoutRules(objectSchema(kind));
    const compiled = compileSchema(schema);
    const judge = new Ajv({ strict: false, formats: FORMATS, allErrors: true }).compile(asJsonSchema(schema));
    const spec = near(kind.spec);
    const verdicts = new Set<boolean>();
    fc.assert(
      fc.property(spec, (value) => {
        const object = {
          apiVersion: "slipway.dev/v1alpha1",
          kind: kind.names.kind,
          metadata: { name: "a" },
          spec: value,
        };
        const ours = compiled.validate(object).map(({ path, message }) => `${path}: ${message}`);
        const theirs = judge(object)
          ? []
          : (judge.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
        verdicts.add(theirs.length === 0);
        expect({ ours, theirs, agree: (ours.length === 0) === (theirs.length === 0) }).toMatchObject({ agree: true });
      }),
      { numRuns: 1_000 },
    );
    // Both kinds of verdict were put to the test.
    expect(verdicts).toEqual(new Set([true, false]));
  },
);
