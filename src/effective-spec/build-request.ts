import type { Secret } from "../api/core.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import type { BuildRequest, GitCredentials } from "../backends/build.ts";
import { TerminalError, TransientError } from "../machinery/errors.ts";
import type { Namespaced } from "./references.ts";
import { buildKey, type GitSource } from "./source.ts";

const CREDENTIALS_FIELD = "spec.source.git.credentialsRef";
const PUSH_FIELD = "spec.source.git.push.secretRef";

/** Types and keys of the Secrets, as Kubernetes has them. */
const SSH = { type: "kubernetes.io/ssh-auth", key: "ssh-privatekey", knownHosts: "known_hosts" } as const;
const BASIC = { type: "kubernetes.io/basic-auth", username: "username", password: "password" } as const;
const DOCKER = { type: "kubernetes.io/dockerconfigjson", key: ".dockerconfigjson" } as const;

/**
 * Pure. All that an image is built from. Holds secret values: never log it, never write it to the API.
 * @throws {TransientError} `SecretNotFound`, which heals by itself once the object is there.
 * @throws {TerminalError} `InvalidSpec` for a Secret of another type; both name field and remedy.
 */
export function buildRequest(source: GitSource, objects: Pick<Namespaced, "secret">): BuildRequest {
  const { url, revision, contextDir, dockerfile, buildArgs, timeoutSeconds, credentialsSecret, push } = source;
  return {
    key: buildKey(source),
    source: {
      url,
      revision,
      contextDir,
      dockerfile,
      credentials: credentialsSecret === undefined ? undefined : gitCredentials(url, credentialsSecret, objects),
    },
    buildArgs,
    push: push && { repository: push.repository, dockerConfig: dockerConfig(push.secret, objects) },
    timeoutSeconds,
  };
}

function dockerConfig(name: string | undefined, objects: Pick<Namespaced, "secret">): string | undefined {
  if (name === undefined) return undefined;
  return keyOf(secretOf(objects, PUSH_FIELD, name, [DOCKER.type]), PUSH_FIELD, DOCKER.key);
}

function gitCredentials(url: string, name: string, objects: Pick<Namespaced, "secret">): GitCredentials {
  const secret = secretOf(objects, CREDENTIALS_FIELD, name, [SSH.type, BASIC.type]);
  const kind = secret.type === SSH.type ? "ssh" : "basic";
  const wanted = url.startsWith("https:") ? "basic" : "ssh";
  if (kind !== wanted) {
    const [speaks, takes] = wanted === "ssh" ? ["ssh", SSH.type] : ["https", BASIC.type];
    const message = `${CREDENTIALS_FIELD}: Secret "${name}" is of type ${secret.type}, and ${url} is asked by ${speaks}; name a Secret of type ${takes}, or another url`;
    throw new TerminalError(Reason.InvalidSpec, message);
  }
  if (kind === "basic") {
    const [username, password] = [BASIC.username, BASIC.password].map((key) => keyOf(secret, CREDENTIALS_FIELD, key));
    return { kind, username: username ?? "", password: password ?? "" };
  }
  const hosts = secret.data?.[SSH.knownHosts];
  return {
    kind,
    privateKey: keyOf(secret, CREDENTIALS_FIELD, SSH.key),
    knownHosts: hosts === undefined ? undefined : decoded(hosts),
  };
}

function secretOf(objects: Pick<Namespaced, "secret">, field: string, name: string, types: readonly string[]): Secret {
  const secret = objects.secret(name);
  if (!secret)
    throw new TransientError(
      Reason.SecretNotFound,
      `${field}: Secret "${name}" does not exist; create it in this namespace, of type ${types.join(" or ")}`,
    );
  if (types.includes(secret.type ?? "")) return secret;
  throw new TerminalError(
    Reason.InvalidSpec,
    `${field}: Secret "${name}" is of type ${secret.type ?? "Opaque"}; make it again with type ${types.join(" or ")}`,
  );
}

function keyOf({ metadata, data }: Secret, field: string, key: string): string {
  const value = data?.[key];
  if (value !== undefined && value !== "") return decoded(value);
  throw new TransientError(
    Reason.SecretNotFound,
    `${field}: Secret "${metadata.name}" has no key "${key}"; add the key`,
  );
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
