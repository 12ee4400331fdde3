import { type Field, FieldError, type JsonObject, object, oneOf, withDefault } from "../fields/field.ts";
import { dottedName, envPrefix, keyName, mebibyte } from "../fields/names.ts";

/** One entry of `run_env_variables`. */
export type EnvVariable =
  | { readonly type: "literal"; readonly name: string; readonly value: string }
  | {
      readonly type: "secret_key_reference" | "config_map_key_reference";
      readonly name: string;
      readonly key: string;
      readonly reference: string;
    }
  | {
      readonly type: "secret_full_reference" | "config_map_full_reference";
      readonly reference: string;
      readonly prefix?: string;
    };

const TYPES = [
  "literal",
  "secret_key_reference",
  "config_map_key_reference",
  "secret_full_reference",
  "config_map_full_reference",
] as const;
const type = withDefault(oneOf(...TYPES), "literal");

/** Members that a type does not have are ignored: IBM's own tests send some. */
export const envVariable: Field<EnvVariable> = object((members, at) => {
  const kind = type(members.type, `${at}.type`);
  const need = <T>(name: string, field: Field<T>) => needed(members, { name, at, field });
  switch (kind) {
    case "literal": {
      const value = members.value ?? "";
      return { type: kind, name: need("name", keyName), value: mebibyte(value, `${at}.value`) };
    }
    case "secret_key_reference":
    case "config_map_key_reference":
      return {
        type: kind,
        name: need("name", keyName),
        key: need("key", keyName),
        reference: need("reference", dottedName),
      };
    case "secret_full_reference":
    case "config_map_full_reference": {
      const prefix = members.prefix ?? "";
      const reference = need("reference", dottedName);
      return prefix === "" ? { type: kind, reference } : { type: kind, reference, prefix: envPrefix(prefix, at) };
    }
    default:
      return kind satisfies never;
  }
});

function needed<T>(members: JsonObject, { name, at, field }: { name: string; at: string; field: Field<T> }): T {
  const value = members[name];
  if (value === undefined || value === null) throw new FieldError(`${at}.${name}`, `${at}.${name} is required.`);
  return field(value, `${at}.${name}`);
}
