import { invalidValue } from "../registry/metadata-validation.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { goPrint, isInt64 } from "../schema/go-format.ts";
import { isWholeFraction } from "../schema/whole-fraction.ts";
import { isRecord } from "./metadata-shape.ts";

/** What the scale subresource of a custom kind demands of the object, whichever way it is written. */
export function scaleErrors({ definition, isCustom }: ServedResource, object: ApiObject): FieldError[] {
  const { scale } = definition.subresources;
  if (!isCustom || !scale) return [];
  return [scale.specReplicasPath, scale.statusReplicasPath].flatMap((path) => {
    const error = replicasError(object, path);
    return error === undefined ? [] : [error];
  });
}

/** Follows the path as `unstructured.NestedInt64` of Kubernetes does, and in its words. */
function replicasError(object: ApiObject, path: string): FieldError | undefined {
  const keys = path.replace(/^\./, "").split(".");
  let value: unknown = object;
  let isFraction = false;
  for (const [at, key] of keys.entries()) {
    if (value === undefined || value === null) return undefined;
    if (!isRecord(value)) return accessorError(path, keys.slice(0, at + 1), { value, isFraction, expected: MAP });
    if (!Object.hasOwn(value, key)) return undefined;
    isFraction = isWholeFraction(value, key);
    value = value[key];
  }
  if (value === undefined || value === null) return undefined;
  if (goType(value, isFraction) !== "int64") return accessorError(path, keys, { value, isFraction, expected: "int64" });
  return Number(value) < 0 ? invalidValue(path, value, "should be a non-negative integer") : undefined;
}

const MAP = "map[string]interface{}";

function accessorError(
  path: string,
  keys: readonly string[],
  { value, isFraction, expected }: { value: unknown; isFraction: boolean; expected: string },
): FieldError {
  const found = `${goPrint(value)} is of the type ${goType(value, isFraction)}`;
  return invalidValue(path, 0, `.${keys.join(".")} accessor error: ${found}, expected ${expected}`);
}

/** `%T` of decoded JSON. */
function goType(value: unknown, isFraction: boolean): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return isInt64(value) && !isFraction ? "int64" : "float64";
  return typeof value === "object" ? "map[string]interface {}" : typeof value;
}
