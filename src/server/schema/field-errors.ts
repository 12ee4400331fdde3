import type { FieldError } from "../resource.ts";
import { goValue } from "./go-format.ts";

/** The refusals that schemas make, worded by k8s.io/apimachinery/pkg/util/validation/field. */

export function required(path: string, detail = ""): FieldError {
  return { type: "FieldValueRequired", path, message: withDetail("Required value", detail) };
}

export function invalid(path: string, value: unknown, detail: string): FieldError {
  return { type: "FieldValueInvalid", path, message: withDetail(`Invalid value: ${goValue(value)}`, detail) };
}

/** For objects and lists, which Kubernetes does not print here. */
export function invalidWithoutValue(path: string, detail: string): FieldError {
  return { type: "FieldValueInvalid", path, message: withDetail("Invalid value", detail) };
}

export function typeInvalid(path: string, value: unknown, detail: string): FieldError {
  return { type: "FieldValueTypeInvalid", path, message: withDetail(`Invalid value: ${goValue(value)}`, detail) };
}

export function notSupported(path: string, value: unknown, supported: readonly string[]): FieldError {
  const list = supported.map((text) => JSON.stringify(text)).join(", ");
  return {
    type: "FieldValueNotSupported",
    path,
    message: `Unsupported value: ${goValue(value)}: supported values: ${list}`,
  };
}

export function forbidden(path: string, detail: string): FieldError {
  return { type: "FieldValueForbidden", path, message: withDetail("Forbidden", detail) };
}

export function duplicate(path: string, value: unknown): FieldError {
  return { type: "FieldValueDuplicate", path, message: `Duplicate value: ${goValue(value)}` };
}

/** Kubernetes says bytes here even where the schema counts characters. */
export function tooLong(path: string, limit: number): FieldError {
  return { type: "FieldValueTooLong", path, message: `Too long: may not be more than ${limit} bytes` };
}

export function tooMany(path: string, count: number, limit: number): FieldError {
  return { type: "FieldValueTooMany", path, message: `Too many: ${count}: must have at most ${limit} items` };
}

function withDetail(text: string, detail: string): string {
  return detail === "" ? text : `${text}: ${detail}`;
}
