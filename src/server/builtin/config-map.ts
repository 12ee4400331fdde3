import { invalidValue } from "../registry/metadata-validation.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { base64Bytes, dataOf, immutableErrors, keyErrors, sizeErrors } from "./config-data.ts";

export const configMapStrategy: Partial<Strategy> = {
  validate,
  validateUpdate: (next, previous) => [...immutableErrors(next, previous, ["data", "binaryData"]), ...validate(next)],
};

function validate(object: ApiObject): FieldError[] {
  const data = dataOf(object);
  const binaryData = dataOf(object, "binaryData");
  const errors = keyErrors("data", data);
  for (const key of Object.keys(data)) {
    if (Object.hasOwn(binaryData, key)) {
      errors.push(invalidValue(`data[${key}]`, key, "duplicate of key present in binaryData"));
    }
  }
  errors.push(...keyErrors("binaryData", binaryData));
  let bytes = 0;
  for (const value of Object.values(data)) bytes += Buffer.byteLength(value);
  for (const value of Object.values(binaryData)) bytes += base64Bytes(value);
  // Kubernetes names the whole object here, and its empty path prints like this.
  errors.push(...sizeErrors("[]", bytes));
  return errors;
}
