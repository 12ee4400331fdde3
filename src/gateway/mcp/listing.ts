import { type Directory, type Endpoint, endpointPath } from "../directory.ts";
import type { Failure } from "./answers.ts";
import type { Caller, Gate } from "./gate.ts";

/** One server as `GET /` lists it. */
export interface ListedServer {
  readonly namespace: string;
  readonly name: string;
  /** What an MCP client is given. */
  readonly url: string;
  readonly transport?: "streamable-http" | "sse";
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason?: string;
  readonly message?: string;
  readonly tools?: number;
  readonly protocolVersion?: string;
}

export interface Listing {
  readonly servers: readonly ListedServer[];
  /** Whether there are more. */
  readonly truncated: boolean;
}

export interface ListingOptions {
  readonly gate: Gate | undefined;
  readonly caller: Caller;
  readonly baseUrl: string;
  /** Whether another replica leads, which reaches what this one does not. */
  readonly follows: boolean;
}

/** Servers in one list. */
const LISTED = 5_000;
/** Questions of either kind: whole namespaces, then single servers. What they do not reach is not listed. */
const ASKED = 500;
const ASKED_AT_ONCE = 16;

/** What the caller may use, in the order of names. */
export async function listServers(
  directory: Pick<Directory, "list">,
  { gate, caller, baseUrl, follows }: ListingOptions,
): Promise<Listing | Failure> {
  const all = directory.list().toSorted(byName);
  const allowed = gate ? await allowedOf(all, gate, caller) : { endpoints: all, truncated: false };
  if (!("endpoints" in allowed)) return allowed;
  const { endpoints } = allowed;
  return {
    servers: endpoints.slice(0, LISTED).map((endpoint) => listed(endpoint, { baseUrl, follows })),
    truncated: allowed.truncated || endpoints.length > LISTED,
  };
}

function byName(a: Endpoint, b: Endpoint): number {
  const [left, right] = [endpointPath(a), endpointPath(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function listed(endpoint: Endpoint, { baseUrl, follows }: Pick<ListingOptions, "baseUrl" | "follows">): ListedServer {
  const { namespace, name, state, upstream, tools, protocolVersion } = endpoint;
  return {
    namespace,
    name,
    url: `${baseUrl}${endpointPath(endpoint)}`,
    ...(upstream && { transport: upstream.kind === "stdio" ? "streamable-http" : upstream.transport }),
    ...(state.ready || (follows && endpoint.elsewhere)
      ? { ready: true }
      : { ready: false, reason: state.reason, message: state.message }),
    ...(tools !== undefined && { tools }),
    ...(protocolVersion !== undefined && { protocolVersion }),
  };
}

interface Allowed {
  readonly endpoints: readonly Endpoint[];
  readonly truncated: boolean;
}

/** Asks for all, then for whole namespaces, then one by one, so that few questions settle many servers. */
async function allowedOf(all: readonly Endpoint[], gate: Gate, caller: Caller): Promise<Allowed | Failure> {
  const everywhere = await gate.mayUse(caller, {});
  if (typeof everywhere !== "boolean") return everywhere;
  if (everywhere) return { endpoints: all, truncated: false };
  const namespaces = [...new Set(all.map(({ namespace }) => namespace))];
  const whole = await answers(namespaces.slice(0, ASKED), (namespace) => gate.mayUse(caller, { namespace }));
  if ("status" in whole) return whole;
  const open = new Set(namespaces.filter((_, index) => whole[index]));
  const single = all.filter(({ namespace }) => !open.has(namespace));
  const asked = single.slice(0, ASKED);
  const yes = await answers(asked, ({ namespace, name }) => gate.mayUse(caller, { namespace, name }));
  if ("status" in yes) return yes;
  const granted = new Set(asked.filter((_, index) => yes[index]));
  const endpoints = all.filter((endpoint) => open.has(endpoint.namespace) || granted.has(endpoint));
  return { endpoints, truncated: single.length > asked.length };
}

/** The answers in the order of the subjects, or the first failure. */
async function answers<T>(
  subjects: readonly T[],
  ask: (subject: T) => ReturnType<Gate["mayUse"]>,
): Promise<readonly boolean[] | Failure> {
  const found: boolean[] = [];
  for (let from = 0; from < subjects.length; from += ASKED_AT_ONCE) {
    const some = await Promise.all(subjects.slice(from, from + ASKED_AT_ONCE).map(ask));
    for (const answer of some) {
      if (typeof answer !== "boolean") return answer;
      found.push(answer);
    }
  }
  return found;
}
