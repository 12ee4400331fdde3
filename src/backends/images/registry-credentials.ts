import { DOCKER_HUB } from "../../api/image-reference.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../machinery/errors.ts";

/** What the Engine's X-Registry-Auth header holds. */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

/** All the ways in which Docker Hub is written in a `.dockerconfigjson`. */
const HUB_KEYS = new Set([DOCKER_HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]);

/**
 * The credentials for an image, by the rules of Kubernetes: a key is a registry or a registry with a path, `*` stands
 * for one label of the host, and the longest match wins. Undefined when the Secret has none for it.
 * @param name registry and repository, as `imageName` gives it.
 * @throws {TransientError} `ImagePullUnauthorized` when the Secret cannot be read; nothing of it is in the message.
 */
export function credentialsFor(dockerConfig: string | undefined, name: string): RegistryCredentials | undefined {
  if (dockerConfig === undefined) return undefined;
  const matching = Object.entries(authsOf(dockerConfig))
    .map(([key, entry]) => ({ prefix: normalizeKey(key), entry }))
    .filter(({ prefix }) => matches(prefix, name))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  const [best] = matching;
  return best && toCredentials(best.entry, best.prefix);
}

function authsOf(dockerConfig: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(dockerConfig);
  } catch {
    // The parser's own message quotes its input.
    throw unreadable("it is not JSON");
  }
  if (!isRecord(parsed)) throw unreadable("it is not an object");
  const { auths = {} } = parsed;
  if (!isRecord(auths)) throw unreadable("auths is not an object");
  return auths;
}

/** `https://index.docker.io/v1/` and `ghcr.io/team/` to what they begin an image's name with. */
function normalizeKey(key: string): string {
  const bare = key
    .replace(/^https?:\/\//, "")
    .replace(/\/+$/, "")
    .replace(/\/v[12]$/, "");
  const [host = "", ...path] = bare.split("/");
  return [HUB_KEYS.has(host) ? DOCKER_HUB : host, ...path].join("/");
}

function matches(prefix: string, name: string): boolean {
  const wanted = prefix.split("/");
  const given = name.split("/");
  const [wantedHost = ""] = wanted;
  const [givenHost = ""] = given;
  return hostMatches(wantedHost, givenHost) && wanted.slice(1).every((part, at) => part === given[at + 1]);
}

function hostMatches(pattern: string, host: string): boolean {
  if (pattern === host) return true;
  if (!pattern.includes("*")) return false;
  const wanted = pattern.split(".");
  const given = host.split(".");
  return wanted.length === given.length && wanted.every((label, at) => label === "*" || label === given[at]);
}

function toCredentials(entry: unknown, serveraddress: string): RegistryCredentials {
  if (!isRecord(entry)) throw unreadable(`its entry for ${serveraddress} is not an object`);
  const { username, password, auth, identitytoken } = entry;
  if (typeof identitytoken === "string" && identitytoken) return { identitytoken, serveraddress };
  if (typeof username === "string" && typeof password === "string") return { username, password, serveraddress };
  const pair = typeof auth === "string" ? Buffer.from(auth, "base64").toString("utf8") : "";
  const colon = pair.indexOf(":");
  if (colon < 0) throw unreadable(`its entry for ${serveraddress} has neither auth nor username and password`);
  return { username: pair.slice(0, colon), password: pair.slice(colon + 1), serveraddress };
}

function unreadable(problem: string): TransientError {
  const remedy = "make it with: kubectl create secret docker-registry";
  return new TransientError(Reason.ImagePullUnauthorized, `the pull secret cannot be used: ${problem}; ${remedy}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
