import { type Field, FieldError, type JsonObject, object } from "../fields/field.ts";
import { keyName, mebibyte } from "../fields/names.ts";

/** `data` of secrets and config maps: plain text by key. */
export const stringMap: Field<Readonly<Record<string, string>>> = object((members: JsonObject, name) => {
  const entries = Object.entries(members).map(([key, value]) => {
    keyName(key, `${name}.${key}`);
    // They become names of files.
    if (key === "." || key === "..") throw new FieldError(`${name}.${key}`, "A key must not be . or ..");
    if (typeof value !== "string") throw new FieldError(`${name}.${key}`, `${name}.${key} must be a string.`);
    return [key, mebibyte(value, `${name}.${key}`)];
  });
  return Object.fromEntries(entries) as Record<string, string>;
});
