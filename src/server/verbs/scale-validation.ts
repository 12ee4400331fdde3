import { valueAt } from "../registry/field-path.ts";
import { invalidValue } from "../registry/metadata-validation.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";

/** What the scale subresource of a custom kind demands of the object, whichever way it is written. */
export function scaleErrors({ definition, isCustom }: ServedResource, object: ApiObject): FieldError[] {
  const { scale } = definition.subresources;
  if (!isCustom || !scale) return [];
  const errors: FieldError[] = [];
  for (const path of [scale.specReplicasPath, scale.statusReplicasPath]) {
    const replicas = valueAt(object, path);
    if (replicas === undefined || replicas === null) continue;
    if (!Number.isInteger(replicas)) {
      const type = typeof replicas === "number" ? "float64" : typeof replicas;
      errors.push(invalidValue(path, 0, `${path} accessor error: ${replicas} is of the type ${type}, expected int64`));
    } else if (Number(replicas) < 0) errors.push(invalidValue(path, replicas, "should be a non-negative integer"));
  }
  return errors;
}
