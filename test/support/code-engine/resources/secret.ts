import { secretWatch } from "../../secrets/secret-watch.ts";
import { type JsonObject, oneOf, optional, type ReadOptions, readFields, required } from "../fields/field.ts";
import { dottedName } from "../fields/names.ts";
import { invalidField } from "../http/api-error.ts";
import { stringMap } from "./key-values.ts";
import { Resource, type ResourceOptions } from "./resource.ts";

interface Format {
  readonly resourceType: string;
  readonly needs: readonly string[];
  readonly allows: readonly string[] | "any";
}

const FORMATS = {
  generic: { resourceType: "secret_generic_v2", needs: [], allows: "any" },
  registry: { resourceType: "secret_registry_v2", needs: ["server", "username", "password"], allows: ["email"] },
  ssh_auth: { resourceType: "secret_auth_ssh_v2", needs: ["ssh_key"], allows: ["known_hosts"] },
  basic_auth: { resourceType: "secret_basic_auth_v2", needs: ["username", "password"], allows: [] },
  tls: { resourceType: "secret_tls_v2", needs: ["tls_cert", "tls_key"], allows: [] },
  hmac_auth: { resourceType: "secret_hmac_auth_v2", needs: ["access_key_id", "secret_access_key"], allows: [] },
  service_access: { resourceType: "secret_service_access_v2", needs: [], allows: "any" },
  service_operator: { resourceType: "secret_operator_v2", needs: [], allows: "any" },
  other: { resourceType: "secret_other_v2", needs: [], allows: "any" },
} as const satisfies Record<string, Format>;
export type SecretFormat = keyof typeof FORMATS;

/** Whose values are no secrets. */
const OPEN_KEYS: ReadonlySet<string> = new Set(["server", "username", "email", "known_hosts", "tls_cert"]);

const format = oneOf(...(Object.keys(FORMATS) as SecretFormat[]));

export interface SecretSpec {
  readonly format: SecretFormat;
  readonly data: Readonly<Record<string, string>>;
}

/** @throws {ApiError} 400 */
export function readSecret(body: JsonObject, options: ReadOptions): SecretSpec & { readonly name: string } {
  const others = ["service_access", "service_operator"];
  const fields = { name: required(dottedName), format: required(format), data: optional(stringMap) };
  const { name, ...spec } = readFields(fields, body, { ...options, others });
  return { name, format: spec.format, data: checkedData(spec.format, spec.data) };
}

/** A replacement repeats the format with the complete data. @throws {ApiError} 400 */
export function readSecretReplacement(body: JsonObject, current: SecretFormat, options: ReadOptions): SecretSpec {
  const fields = { format: required(format), data: optional(stringMap) };
  const spec = readFields(fields, body, options);
  if (spec.format !== current) throw invalidField("format", `format must stay ${current}.`);
  return { format: current, data: checkedData(current, spec.data) };
}

function checkedData(name: SecretFormat, data: SecretSpec["data"] = {}): SecretSpec["data"] {
  const { needs, allows }: Format = FORMATS[name];
  const missing = needs.find((key) => (data[key] ?? "") === "");
  if (missing !== undefined) throw invalidField(`data.${missing}`, `A ${name} secret needs data.${missing}.`);
  const surplus = allows === "any" ? [] : Object.keys(data).filter((key) => ![...needs, ...allows].includes(key));
  if (surplus.length > 0) throw invalidField(`data.${surplus[0]}`, `A ${name} secret has no data.${surplus[0]}.`);
  return data;
}

export class Secret extends Resource {
  spec: SecretSpec;
  readonly #projectId: string;

  constructor(options: ResourceOptions & { readonly projectId: string; readonly spec: SecretSpec }) {
    super(options);
    this.#projectId = options.projectId;
    this.spec = options.spec;
    this.#tellWatch();
  }

  /** Equal for all its mounts. */
  get mountKey(): string {
    return `${this.#projectId}/secret/${this.name}`;
  }

  replace(spec: SecretSpec): void {
    this.spec = spec;
    this.#tellWatch();
    this.specChanged();
  }

  /** Values are in a GET's answer, not in a list's. */
  view(): JsonObject {
    return { ...this.listed(), data: this.spec.data };
  }

  listed(): JsonObject {
    return {
      ...this.head(this.#projectId, FORMATS[this.spec.format].resourceType),
      entity_tag: this.entityTag,
      format: this.spec.format,
      generated_by: "user",
    };
  }

  #tellWatch(): void {
    const { format, data } = this.spec;
    for (const [key, value] of Object.entries(data)) {
      if (!OPEN_KEYS.has(key)) secretWatch.learn(`${key} of a ${format} secret`, value);
    }
  }
}
