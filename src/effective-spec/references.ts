import type { ConfigMap, Secret } from "../api/core.ts";
import { formatKey, type ObjectKey } from "../api/meta.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import type { Mount } from "../backends/backend.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { TerminalError, TransientError } from "../machinery/errors.ts";
import type { EffectiveSpec, EnvVariable, Volume } from "./effective-spec.ts";
import { pullSecretOf, type RemoteHeader } from "./source.ts";

/** The objects of the deployment's namespace, as the cache has them. */
export interface Namespaced {
  secret(name: string): Secret | undefined;
  configMap(name: string): ConfigMap | undefined;
  /** Of any namespace: a profile's own. */
  configMapOf(key: ObjectKey): ConfigMap | undefined;
}

/** What the references of a spec stand for. Holds secret values: never log it, never write it to the API. */
export interface Resolved {
  readonly env: Readonly<Record<string, string>>;
  /** Names of the variables whose value came out of a Secret. */
  readonly secretVariables: ReadonlySet<string>;
  readonly mounts: readonly Mount[];
  /** What the image is pulled with: contents of the Secret's `.dockerconfigjson`. */
  readonly dockerConfig: string | undefined;
  /** Headers of a remote server, and the names of those whose value came out of a Secret. Absent where there are none. */
  readonly headers?: { readonly values: Readonly<Record<string, string>>; readonly secret: ReadonlySet<string> };
  /** JSON text of the seccomp profile; undefined where the guardrails name none of their own. */
  readonly seccompProfile: string | undefined;
}

/** The rule for names of environment variables that the schema has too; keys that break it are left out, as the kubelet does. */
const VARIABLE = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const DOCKER_CONFIG_KEY = ".dockerconfigjson";

/**
 * Pure. @throws {TransientError} `SecretNotFound` or `ConfigMapNotFound`, naming object and key: it heals by itself
 * once the object is there.
 */
export function resolveReferences(spec: EffectiveSpec, objects: Namespaced): Resolved {
  const env = new Map<string, string>();
  const secretVariables = new Set<string>();
  const set = (name: string, value: string, secret: boolean) => {
    if (value.includes("\0"))
      throw new TerminalError(Reason.InvalidSpec, `env ${name}: a variable cannot hold a NUL byte`);
    env.set(name, value);
    if (secret) secretVariables.add(name);
    else secretVariables.delete(name);
  };

  for (const { prefix = "", secretRef, configMapRef } of spec.envFrom) {
    const data = secretRef ? secretFiles(objects, secretRef.name) : configMapTexts(objects, configMapRef?.name ?? "");
    for (const [key, value] of Object.entries(data)) {
      const name = `${prefix}${key}`;
      if (VARIABLE.test(name)) set(name, text(value), secretRef !== undefined);
    }
  }
  for (const variable of spec.env) {
    const value = variableValue(variable, objects);
    if (value !== undefined) set(variable.name, value, variable.valueFrom?.secretKeyRef !== undefined);
  }
  const pullSecret = pullSecretOf(spec.source);
  const headers = spec.source.kind === "remote" ? remoteHeaders(spec.source.headers, objects) : undefined;
  return {
    env: Object.fromEntries(env),
    secretVariables,
    mounts: spec.volumes.map((volume) => mount(volume, objects)),
    dockerConfig: pullSecret === undefined ? undefined : dockerConfig(objects, pullSecret),
    ...(headers && { headers }),
    seccompProfile: seccompProfile(spec.guardrails, objects),
  };
}

/** Undefined where an optional reference leads nowhere. */
function variableValue({ value, valueFrom }: EnvVariable, objects: Namespaced): string | undefined {
  const { secretKeyRef, configMapKeyRef } = valueFrom ?? {};
  if (secretKeyRef) {
    const { name, key, optional } = secretKeyRef;
    const found = objects.secret(name)?.data?.[key];
    if (found !== undefined) return decode(found).toString("utf8");
    return optional ? undefined : missing("Secret", name, key, objects.secret(name) !== undefined);
  }
  if (configMapKeyRef) {
    const { name, key, optional } = configMapKeyRef;
    const found = objects.configMap(name)?.data?.[key];
    if (found !== undefined) return found;
    return optional ? undefined : missing("ConfigMap", name, key, objects.configMap(name) !== undefined);
  }
  return value ?? "";
}

/** As RFC 9110 lets a value be; a line break would begin another header. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

function remoteHeaders(headers: readonly RemoteHeader[], objects: Namespaced): NonNullable<Resolved["headers"]> {
  const values: Record<string, string> = {};
  const secret = new Set<string>();
  for (const { name, value, valueFrom } of headers) {
    const found = variableValue(
      { name, ...(value !== undefined && { value }), ...(valueFrom && { valueFrom }) },
      objects,
    );
    if (found === undefined) continue;
    // Files end with a line break that nobody means.
    const text = found.replace(/\r?\n$/, "");
    if (!HEADER_VALUE.test(text)) {
      const message = `spec.source.remote.headers[${name}]: its value has characters that a header cannot have; use visible ASCII`;
      throw new TerminalError(Reason.InvalidSpec, message);
    }
    values[name] = text;
    if (valueFrom) secret.add(name);
  }
  return { values, secret };
}

function mount(volume: Volume, objects: Namespaced): Mount {
  const { name, path, readOnly } = volume;
  switch (volume.kind) {
    case "secret":
      return { name, path, readOnly, kind: "files", secret: true, files: secretFiles(objects, volume.objectName) };
    case "configMap":
      return { name, path, readOnly, kind: "files", secret: false, files: configMapFiles(objects, volume.objectName) };
    case "volume":
    case "tmpfs":
    case "hostPath":
      return volume;
    default:
      return volume satisfies never;
  }
}

function dockerConfig(objects: Namespaced, name: string): string {
  const found = requiredSecret(objects, name).data?.[DOCKER_CONFIG_KEY];
  return found === undefined ? missing("Secret", name, DOCKER_CONFIG_KEY, true) : decode(found).toString("utf8");
}

function seccompProfile({ seccomp }: Guardrails, objects: Namespaced): string | undefined {
  if (seccomp.type !== "ConfigMap") return undefined;
  const { namespace, name, key } = seccomp;
  const found = objects.configMapOf({ namespace, name });
  const problem = found ? `key "${key}" of ConfigMap "${formatKey(seccomp)}"` : `ConfigMap "${formatKey(seccomp)}"`;
  const profile = found?.data?.[key];
  if (profile !== undefined) return profile;
  throw new TransientError(
    Reason.ConfigMapNotFound,
    `${problem}, the seccomp profile, does not exist; ${found ? "add the key" : "create it"}`,
  );
}

function secretFiles(objects: Namespaced, name: string): Record<string, Uint8Array> {
  return mapValues(requiredSecret(objects, name).data ?? {}, decode);
}

function configMapTexts(objects: Namespaced, name: string): Record<string, string> {
  return requiredConfigMap(objects, name).data ?? {};
}

function configMapFiles(objects: Namespaced, name: string): Record<string, Uint8Array> {
  const { data = {}, binaryData = {} } = requiredConfigMap(objects, name);
  return { ...mapValues(data, (value) => Buffer.from(value, "utf8")), ...mapValues(binaryData, decode) };
}

function requiredSecret(objects: Namespaced, name: string): Secret {
  return objects.secret(name) ?? missing("Secret", name, undefined, false);
}

function requiredConfigMap(objects: Namespaced, name: string): ConfigMap {
  return objects.configMap(name) ?? missing("ConfigMap", name, undefined, false);
}

function missing(kind: "Secret" | "ConfigMap", name: string, key: string | undefined, exists: boolean): never {
  const what = key === undefined ? "" : `key "${key}" of `;
  const remedy = exists ? `add the key` : `create it in this namespace`;
  throw new TransientError(Reason[`${kind}NotFound`], `${what}${kind} "${name}" does not exist; ${remedy}`);
}

function text(value: string | Uint8Array): string {
  return typeof value === "string" ? value : Buffer.from(value).toString("utf8");
}

function decode(base64: string): Buffer {
  return Buffer.from(base64, "base64");
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
