import { invalidValue } from "../registry/metadata-validation.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { deepEqual } from "../schema/deep-equal.ts";

/** What ConfigMap and Secret have in common: keys, size, and that an immutable one stays as it is. */

const MAX_BYTES = 1024 * 1024;
const KEY = /^[-._a-zA-Z0-9]+$/;
const NOT_A_KEY =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

export type Data = Readonly<Record<string, string>>;

export function dataOf(object: ApiObject, field = "data"): Data {
  return (object[field] ?? {}) as Data;
}

export function keyErrors(field: string, data: Data): FieldError[] {
  return Object.keys(data).flatMap((key) => {
    const messages: string[] = [];
    if (key.length > 253) messages.push("must be no more than 253 characters");
    if (!KEY.test(key)) messages.push(NOT_A_KEY);
    if (key === "." || key === "..") messages.push(`must not be '${key}'`);
    else if (key.startsWith("..")) messages.push("must not start with '..'");
    return messages.map((message) => invalidValue(`${field}[${key}]`, key, message));
  });
}

export function sizeErrors(path: string, bytes: number): FieldError[] {
  if (bytes <= MAX_BYTES) return [];
  return [{ type: "FieldValueTooLong", path, message: `Too long: may not be more than ${MAX_BYTES} bytes` }];
}

export function base64Bytes(text: string): number {
  return Math.floor((text.length * 3) / 4) - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
}

/** Changes of an object that declared itself immutable. */
export function immutableErrors(next: ApiObject, previous: ApiObject, fields: readonly string[]): FieldError[] {
  if (previous.immutable !== true) return [];
  const changed = next.immutable === true ? [] : ["immutable"];
  for (const field of fields) if (!deepEqual(next[field] ?? {}, previous[field] ?? {})) changed.push(field);
  return changed.map((path) => ({
    type: "FieldValueForbidden" as const,
    path,
    message: "Forbidden: field is immutable when `immutable` is set",
  }));
}
