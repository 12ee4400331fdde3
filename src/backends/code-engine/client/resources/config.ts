import { Confidential } from "../confidential.ts";
import { type Decoder, object, optional, string, stringMap, word } from "../shape.ts";
import { identityFields } from "./identity.ts";

/** By format, what a secret must hold; all of it plain text, not base64. */
export interface SecretData {
  readonly generic: Readonly<Record<string, string>>;
  /** In IBM's own registry the user is `iamapikey`. */
  readonly registry: {
    readonly server: string;
    readonly username: string;
    readonly password: string;
    readonly email?: string;
  };
  readonly ssh_auth: { readonly ssh_key: string; readonly known_hosts?: string };
  readonly basic_auth: { readonly username: string; readonly password: string };
  readonly tls: { readonly tls_cert: string; readonly tls_key: string };
  readonly hmac_auth: { readonly access_key_id: string; readonly secret_access_key: string };
}
export type SecretFormat = keyof SecretData;

const confidentialMap: Decoder<Confidential<Readonly<Record<string, string>>>> = (value, path) =>
  new Confidential(stringMap(value, path));

export const secret = object({
  ...identityFields,
  entity_tag: string,
  format: optional(word<SecretFormat | "service_access" | "service_operator" | "other">()),
  generated_by: optional(word<"user" | "system">()),
  /** Present in what `get` answers; whether a list tells it is not known. */
  data: optional(confidentialMap),
});
export type Secret = ReturnType<typeof secret>;

/** Keys are `[-._a-zA-Z0-9]+`, at most 253 characters; values at most 1 MiB. */
export type SecretPrototype = {
  [F in SecretFormat]: { readonly format: F; readonly name: string; readonly data: SecretData[F] };
}[SecretFormat];

/** Everything that the secret holds from now on; the format must be the one it has. */
export type SecretReplacement = {
  [F in SecretFormat]: { readonly format: F; readonly data: SecretData[F] };
}[SecretFormat];

export const configMap = object({ ...identityFields, entity_tag: string, data: optional(stringMap) });
export type ConfigMap = ReturnType<typeof configMap>;

export interface ConfigMapPrototype extends ConfigMapReplacement {
  /** See `configNameTrouble`. */
  readonly name: string;
}

/** Everything that the config map holds from now on. */
export interface ConfigMapReplacement {
  readonly data: Readonly<Record<string, string>>;
}
