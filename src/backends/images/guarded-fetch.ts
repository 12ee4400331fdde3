import { lookup as resolve } from "node:dns/promises";
import { isIP } from "node:net";
import { Agent, fetch } from "undici";
import { type AddressDistance, addressDistance } from "../../guardrails/address-distance.ts";
import { AddressRefused, judgedLookup } from "../../machinery/judged-lookup.ts";
import type { RegistryFetch } from "./registry-client.ts";

/** The furthest inside that may be asked. */
type Reach = Exclude<AddressDistance, "nowhere">;

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
      if (isIP(bareHost(at)) && !isWithin(allowed)(bareHost(at))) throw new AddressRefused(bareHost(at));
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
        lookup: judgedLookup(isWithin(allowed)),
      },
    });
    this.#agents.set(allowed, connect);
    return connect;
  }
}

function isWithin(allowed: Reach): (address: string) => boolean {
  return (address) => DISTANCE[addressDistance(address)] <= DISTANCE[allowed];
}

/** What may be asked when a registry of that name leads on: as much as that is itself. */
async function reachOf(host: string): Promise<Reach> {
  const addresses = isIP(host) ? [host] : (await resolve(host, { all: true })).map(({ address }) => address);
  const [nearest] = addresses.map(addressDistance).toSorted((a, b) => DISTANCE[a] - DISTANCE[b]);
  if (nearest === undefined || nearest === "nowhere") throw new TypeError(`${host} is no address of a registry`);
  return nearest;
}

/** Without the brackets of IPv6. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

const DISTANCE = { public: 0, private: 1, local: 2, nowhere: 3 } as const;
