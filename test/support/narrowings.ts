import { isDeepStrictEqual } from "node:util";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "../../src/api/custom-resource-definition.ts";
import type { JsonSchema } from "../../src/api/json-schema.ts";

/** Bounds that a value keeps by not being above, and by not being below. */
const UPPER = ["maximum", "maxLength", "maxItems", "maxProperties"] as const;
const LOWER = ["minimum", "minLength", "minItems", "minProperties"] as const;
/** What may not appear or change. That it goes lets more in. */
const CONDITIONS = ["pattern", "format", "multipleOf", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum"] as const;
/** What has to stay as it is: what is stored, merged and shown hangs on it. */
const FIXED = [
  "type",
  "default",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type",
] as const;
/** What lets more in, and so may come, but not go. */
const OPENINGS = ["nullable", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"] as const;

/**
 * What a newer definition takes from objects that an older one let in, or from clients that were written for it; empty where all that it
 * does is add. Rules in CEL and patterns cannot be compared by what they mean, so each that is new counts.
 */
export function narrowings(before: CustomResourceDefinition, after: CustomResourceDefinition): readonly string[] {
  const fixed = (["group", "scope", "names", "conversion"] as const).filter(
    (field) => !isDeepStrictEqual(before.spec[field], after.spec[field]),
  );
  return [
    ...fixed.map((field) => `${field} changed`),
    ...before.spec.versions.flatMap((version) => ofVersion(version, after.spec.versions)),
  ];
}

function ofVersion(
  before: CustomResourceDefinitionVersion,
  versions: readonly CustomResourceDefinitionVersion[],
): readonly string[] {
  const after = versions.find(({ name }) => name === before.name);
  if (!after) return [`version ${before.name} is gone`];
  const selectable = (after.selectableFields ?? []).map(({ jsonPath }) => jsonPath);
  return [
    ...(before.served && !after.served ? [`version ${before.name} is not served any more`] : []),
    ...Object.keys(before.subresources ?? {})
      .filter((name) => !(name in (after.subresources ?? {})))
      .map((name) => `subresource ${name} is gone`),
    ...(before.selectableFields ?? [])
      .filter(({ jsonPath }) => !selectable.includes(jsonPath))
      .map(({ jsonPath }) => `field selector ${jsonPath} is gone`),
    ...ofSchema("", before.schema?.openAPIV3Schema ?? {}, after.schema?.openAPIV3Schema ?? {}),
  ];
}

function ofSchema(path: string, before: JsonSchema, after: JsonSchema): readonly string[] {
  const own = [ofBounds, ofConditions, ofFixed, ofEnum, ofRules, ofRequired].flatMap((each) => each(before, after));
  return [...own.map((what) => `${path === "" ? "the object" : path}: ${what}`), ...ofChildren(path, before, after)];
}

/** Pure. What is narrower about one schema itself, without those in it. */
type Look = (before: JsonSchema, after: JsonSchema) => readonly string[];

const ofBounds: Look = (before, after) => {
  const upper = UPPER.filter((field) => (after[field] ?? Infinity) < (before[field] ?? Infinity));
  const lower = LOWER.filter((field) => (after[field] ?? -Infinity) > (before[field] ?? -Infinity));
  return [...upper, ...lower].map((field) => `${field} is ${after[field]}`);
};

const ofConditions: Look = (before, after) =>
  CONDITIONS.filter((field) => after[field] && after[field] !== before[field]).map(
    (field) => `${field} is ${after[field]}`,
  );

const ofFixed: Look = (before, after) => [
  ...FIXED.filter((field) => !isDeepStrictEqual(before[field], after[field])).map(
    (field) => `${field} was ${JSON.stringify(before[field])}`,
  ),
  ...OPENINGS.filter((field) => before[field] && !after[field]).map((field) => `${field} is gone`),
];

const ofEnum: Look = ({ enum: before }, { enum: after }) => {
  if (!after) return [];
  if (!before) return [`enum is ${JSON.stringify(after)}`];
  return before
    .filter((value) => !after.includes(value))
    .map((value) => `${JSON.stringify(value)} is no value any more`);
};

const ofRules: Look = (before, after) => {
  const known = (before["x-kubernetes-validations"] ?? []).map(({ rule }) => rule);
  const rules = (after["x-kubernetes-validations"] ?? []).map(({ rule }) => rule);
  return rules.filter((rule) => !known.includes(rule)).map((rule) => `new rule ${rule}`);
};

/** One with a default is filled in where it is missing. */
const ofRequired: Look = ({ required: before = [] }, { required: after = [], properties = {} }) =>
  after
    .filter((name) => !before.includes(name) && properties[name]?.default === undefined)
    .map((name) => `${name} is required`);

function ofChildren(path: string, before: JsonSchema, after: JsonSchema): readonly string[] {
  const properties = Object.entries(before.properties ?? {}).flatMap(([name, child]) => {
    const own = `${path}.${name}`;
    const next = after.properties?.[name];
    return next ? ofSchema(own, child, next) : [`${own} is gone`];
  });
  const items = before.items && after.items ? ofSchema(`${path}[]`, before.items, after.items) : [];
  const values = before.additionalProperties;
  if (typeof values !== "object") return [...properties, ...items];
  const next = after.additionalProperties;
  if (typeof next === "object") return [...properties, ...items, ...ofSchema(`${path}.*`, values, next)];
  return [...properties, ...items, ...(next === true ? [] : [`${path}.* is gone`])];
}
