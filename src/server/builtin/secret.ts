import { invalidValue, requiredValue } from "../registry/metadata-validation.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { base64Bytes, type Data, dataOf, immutableErrors, keyErrors, sizeErrors } from "./config-data.ts";

const SERVICE_ACCOUNT = "kubernetes.io/service-account.name";

export const secretStrategy: Partial<Strategy> = {
  prepareForCreate: (object) => {
    fold(object);
    object.type ||= "Opaque";
  },
  prepareForUpdate: (object, previous) => {
    fold(object);
    object.type ||= previous.type;
  },
  validate,
  validateUpdate(next, previous) {
    const errors: FieldError[] = [];
    if (next.type !== previous.type) errors.push(invalidValue("type", next.type, "field is immutable"));
    errors.push(...immutableErrors(next, previous, ["data"]), ...validate(next));
    return errors;
  },
};

/** `stringData` is for writing only: its values become part of `data`. */
function fold(object: ApiObject): void {
  const { stringData } = object as { stringData?: Data };
  delete object.stringData;
  if (!stringData) return;
  const data: Record<string, string> = { ...dataOf(object) };
  for (const [key, value] of Object.entries(stringData)) data[key] = Buffer.from(value).toString("base64");
  if (Object.keys(data).length > 0) object.data = data;
}

function validate(object: ApiObject): FieldError[] {
  const data = dataOf(object);
  const errors = keyErrors("data", data);
  const bytes = Object.values(data).reduce((sum, value) => sum + base64Bytes(value), 0);
  errors.push(...sizeErrors("data", bytes));
  errors.push(...typeErrors(object, data));
  return errors;
}

const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

/** Well-known types promise keys to those who read them. */
function typeErrors({ type, metadata }: ApiObject, data: Data): FieldError[] {
  if (type === "kubernetes.io/service-account-token") {
    return metadata.annotations?.[SERVICE_ACCOUNT]
      ? []
      : [requiredValue(`metadata.annotations[${SERVICE_ACCOUNT}]`, "")];
  }
  if (type === "kubernetes.io/basic-auth") {
    if (Object.hasOwn(data, "username") || Object.hasOwn(data, "password")) return [];
    return [requiredValue("data[password]", ""), requiredValue("data[username]", "")];
  }
  const errors: FieldError[] = [];
  for (const key of REQUIRED_KEYS[String(type)] ?? []) {
    const value = data[key];
    if (value === undefined) errors.push(requiredValue(`data[${key}]`, ""));
    else if (key.startsWith(".docker")) errors.push(...jsonErrors(key, value));
  }
  return errors;
}

function jsonErrors(key: string, value: string): FieldError[] {
  const text = Buffer.from(value, "base64").toString("utf8");
  try {
    JSON.parse(text);
    return [];
  } catch {
    return [invalidValue(`data[${key}]`, "<secret contents redacted>", "unexpected end of JSON input")];
  }
}
