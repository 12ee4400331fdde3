import { lookup as resolve } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { Agent, fetch } from "undici";
import type { RegistryFetch } from "./registry-client.ts";

/** How far from the public an address is. */
type Reach = "public" | "private" | "local";

const MAX_REDIRECTS = 3;
const CONNECT_TIMEOUT_MS = 10_000;
/** Nothing that is asked for needs more. */
const MAX_HEADER_BYTES = 32 * 1024;

/**
 * A fetch for addresses that people name and registries hand on. No credentials go to another origin than the one they were
 * given for, and nobody leads it from outside to inside: what a public registry names, by a redirect or as its token service,
 * must be public too. Link-local addresses, where clouds keep their secrets, and those that are nobody's, are never asked.
 * One that begins in the clear stays on this machine.
 */
export class GuardedFetch implements AsyncDisposable {
  readonly #agents = new Map<Reach, Agent>();
  /** The registry as its user named it. */
  readonly #first: string;

  /** @param first URL of the registry that the user names. */
  constructor(first: string) {
    this.#first = first;
  }

  readonly fetch: RegistryFetch = async (url, init) => {
    const allowed = await reachOf(bareHost(new URL(this.#first)));
    let at = new URL(url);
    const headers = new Headers(init.headers);
    for (let redirects = 0; ; redirects++) {
      // A number is dialled without being looked up.
      if (isIP(bareHost(at))) await judged(bareHost(at), allowed);
      const answer = await fetch(at, {
        method: init.method ?? "GET",
        headers: [...headers],
        signal: init.signal ?? null,
        redirect: "manual",
        dispatcher: this.#agent(allowed),
      });
      const location = answer.headers.get("location");
      if (answer.status < 300 || answer.status > 399 || location === null) return answer as unknown as Response;
      await answer.body?.cancel();
      if (redirects === MAX_REDIRECTS) throw new TypeError("it redirects again and again");
      const next = new URL(location, at);
      if (next.protocol !== "https:" && next.origin !== at.origin) throw new TypeError("it redirects to plain http");
      if (next.origin !== at.origin) headers.delete("authorization");
      at = next;
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #agent(allowed: Reach): Agent {
    const known = this.#agents.get(allowed);
    if (known) return known;
    const connect = new Agent({
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        // An address is judged when it is dialled: a name may mean another by then.
        lookup: (hostname, options, done) => {
          judged(hostname, allowed).then(
            (found) => (options.all ? done(null, found) : done(null, found[0]?.address ?? "", found[0]?.family)),
            (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), []),
          );
        },
      },
    });
    this.#agents.set(allowed, connect);
    return connect;
  }
}

interface Address {
  readonly address: string;
  readonly family: number;
}

async function judged(hostname: string, allowed: Reach): Promise<Address[]> {
  const found = await resolve(hostname, { all: true });
  const fine = found.filter(({ address }) => DISTANCE[reachOfAddress(address)] <= DISTANCE[allowed]);
  if (fine.length === 0) throw new TypeError(`${hostname} is no address that may be asked here`);
  return fine;
}

/** What may be asked when a registry of that name leads on: as much as that is itself. */
async function reachOf(host: string): Promise<Reach> {
  const addresses = isIP(host) ? [host] : (await resolve(host, { all: true })).map(({ address }) => address);
  const [nearest] = addresses.map(reachOfAddress).toSorted((a, b) => DISTANCE[a] - DISTANCE[b]);
  if (nearest === undefined || nearest === "nowhere") throw new TypeError(`${host} is no address of a registry`);
  return nearest;
}

/** Without the brackets of IPv6. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

const DISTANCE = { public: 0, private: 1, local: 2, nowhere: 3 } as const;

function ranges(...subnets: readonly (readonly [network: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, isIP(network) === 6 ? "ipv6" : "ipv4");
  return list;
}

/** IANA's registries of special-purpose addresses. */
const NOWHERE = ranges(
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["192.0.0.0", 24],
  ["224.0.0.0", 3],
  ["::", 128],
  ["fe80::", 10],
  ["ff00::", 8],
  // The metadata services of AWS by IPv6.
  ["fd00:ec2::", 32],
);
const LOCAL = ranges(["127.0.0.0", 8], ["::1", 128]);
const PRIVATE = ranges(
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["fc00::", 7],
);

function reachOfAddress(address: string): Reach | "nowhere" {
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  if (NOWHERE.check(address, family)) return "nowhere";
  if (LOCAL.check(address, family)) return "local";
  return PRIVATE.check(address, family) ? "private" : "public";
}
