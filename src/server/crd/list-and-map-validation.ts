import type { JsonSchema } from "../../api/json-schema.ts";
import type { FieldError } from "../resource.ts";
import { forbidden, invalid, notSupported, required } from "../schema/field-errors.ts";

/** Rules for `x-kubernetes-list-type`, `x-kubernetes-list-map-keys` and `x-kubernetes-map-type` of one schema. */
export function listAndMapErrors(schema: JsonSchema, path: string): FieldError[] {
  return [...mapTypeErrors(schema, path), ...listTypeErrors(schema, path), ...keyErrors(schema, path)];
}

function mapTypeErrors({ type, "x-kubernetes-map-type": mapType }: JsonSchema, path: string): FieldError[] {
  if (mapType === undefined) return [];
  const errors: FieldError[] = [];
  const must = "must be object if x-kubernetes-map-type is specified";
  if (type === undefined) errors.push(required(`${path}.type`, must));
  else if (type !== "object") errors.push(invalid(`${path}.type`, type, must));
  if (mapType !== "atomic" && mapType !== "granular") {
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]));
  }
  return errors;
}

function listTypeErrors(schema: JsonSchema, path: string): FieldError[] {
  const { type, items, "x-kubernetes-list-type": listType } = schema;
  if (listType === undefined) return [];
  const errors: FieldError[] = [];
  const must = "must be array if x-kubernetes-list-type is specified";
  if (type === undefined) errors.push(required(`${path}.type`, must));
  else if (type !== "array") errors.push(invalid(`${path}.type`, type, must));
  if (!["atomic", "set", "map"].includes(listType)) {
    return [...errors, notSupported(`${path}.x-kubernetes-list-type`, listType, ["atomic", "set", "map"])];
  }
  if (listType !== "set" || items === undefined) return errors;
  const because = "as item of a list with x-kubernetes-list-type=set";
  if (items.nullable === true) {
    errors.push(forbidden(`${path}.items.nullable`, "cannot be nullable when x-kubernetes-list-type is set"));
  }
  if (items.type === "object" && items["x-kubernetes-map-type"] !== "atomic") {
    const value = items["x-kubernetes-map-type"] ?? null;
    errors.push(invalid(`${path}.items.x-kubernetes-map-type`, value, `must be atomic ${because}`));
  }
  if (items.type === "array" && (items["x-kubernetes-list-type"] ?? "atomic") !== "atomic") {
    const value = items["x-kubernetes-list-type"];
    errors.push(invalid(`${path}.items.x-kubernetes-list-type`, value, `must be atomic ${because}`));
  }
  return errors;
}

function keyErrors(schema: JsonSchema, path: string): FieldError[] {
  const { items, "x-kubernetes-list-type": listType, "x-kubernetes-list-map-keys": keys = [] } = schema;
  const at = `${path}.x-kubernetes-list-map-keys`;
  if (keys.length > 0 && listType === undefined) {
    const because = "must be map if x-kubernetes-list-map-keys is non-empty";
    return [required(`${path}.x-kubernetes-list-type`, because)];
  }
  if (keys.length > 0 && listType !== "map") {
    const because = "must be map if x-kubernetes-list-map-keys is non-empty";
    return [invalid(`${path}.x-kubernetes-list-type`, listType, because)];
  }
  if (listType !== "map") return [];
  if (keys.length === 0) return [required(at, "must not be empty if x-kubernetes-list-type is map")];
  if (items === undefined) return [];
  if (items.type !== "object") {
    const because = "must be object if parent array's x-kubernetes-list-type is map";
    return [invalid(`${path}.items.type`, items.type ?? "", because)];
  }
  return [...keyNameErrors(keys, items, at), ...keyPropertyErrors(keys, items, path)];
}

function keyNameErrors(keys: readonly string[], items: JsonSchema, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const known = items.properties ?? {};
  if (keys.some((key) => !Object.hasOwn(known, key))) {
    errors.push(invalid(at, keys, "entries must all be names of item properties"));
  }
  if (new Set(keys).size !== keys.length) errors.push(invalid(at, keys, "must not contain duplicate entries"));
  return errors;
}

function keyPropertyErrors(keys: readonly string[], items: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of keys) {
    const property = Object.hasOwn(items.properties ?? {}, key) ? items.properties?.[key] : undefined;
    if (property === undefined) continue;
    const at = `${path}.items.properties[${key}]`;
    if (property.type === "object" || property.type === "array") {
      errors.push(
        invalid(`${at}.type`, property.type, "must be a scalar type if parent array's x-kubernetes-list-type is map"),
      );
    }
    if (property.nullable === true) {
      errors.push(
        forbidden(`${at}.nullable`, "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"),
      );
    }
    if (property.default === undefined && items.required?.includes(key) !== true) {
      const because =
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
      errors.push(required(`${at}.default`, because));
    }
  }
  return errors;
}
