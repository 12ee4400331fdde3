import type { HttpEndpoint } from "../../backends/workload-endpoint.ts";
import type { Clock } from "../../machinery/clock.ts";
import { jsonEqual } from "../../machinery/json-equal.ts";
import type { Directory, EndpointKey } from "../directory.ts";
import type { UpstreamPool } from "./upstream-pool.ts";

/** How long what is under way at an instance may take once another has taken its place, or it was deleted. */
const DRAIN_MS = 30_000;

/** undici costs 12 MB and 60 ms to load, which a gateway without servers need not pay. Node keeps it after the first call. */
export function loadPools(): Promise<typeof import("./upstream-pool.ts")> {
  return import("./upstream-pool.ts");
}

interface Known {
  readonly instance: string;
  readonly origin: string;
  readonly allowedCidrs: HttpEndpoint["allowedCidrs"];
  readonly pool: UpstreamPool;
  /** Where requests go: path and query. */
  readonly path: string;
  readonly host: string;
}

/** The connections to the servers of all deployments, made when they are first asked for. */
export class Upstreams implements AsyncDisposable {
  readonly #known = new Map<string, Known>();
  /** With those that drain. */
  readonly #pools = new Set<UpstreamPool>();
  readonly #clock: Clock;
  readonly #unsubscribe: () => void;

  constructor(directory: Pick<Directory, "get" | "list" | "onChange">, clock: Clock) {
    this.#clock = clock;
    // Before the first call, which need not wait for it then.
    if (directory.list().length > 0) void loadPools();
    this.#unsubscribe = directory.onChange((key) => this.#changed(key, directory));
  }

  /** The connections to this instance; those to an earlier one of the same deployment take nothing more. */
  async of(key: EndpointKey, upstream: HttpEndpoint): Promise<Known> {
    const id = idOf(key);
    const known = this.#known.get(id);
    if (known && isSame(known, upstream)) return known;
    const { UpstreamPool } = await loadPools();
    // Another call may have been faster.
    const now = this.#known.get(id);
    if (now && isSame(now, upstream)) return now;
    if (now) this.#retire(id, now);
    const { origin, host, pathname, search } = new URL(upstream.url);
    const { instance, url, allowedCidrs } = upstream;
    const target = { origin, ...(allowedCidrs && { allowedCidrs }) };
    const pool: UpstreamPool = new UpstreamPool(target, this.#clock, () => this.#pools.delete(pool));
    const made = { instance, origin: url, allowedCidrs, pool, path: `${pathname}${search}`, host };
    this.#known.set(id, made);
    this.#pools.add(pool);
    return made;
  }

  /** What goes to the instance that serves a deployment; undefined before the first request. */
  at(key: EndpointKey): UpstreamPool | undefined {
    return this.#known.get(idOf(key))?.pool;
  }

  /** Ends what is under way; calls stay where `spare` says so. */
  cut(reason: string, spare: "calls" | "nothing"): void {
    for (const pool of this.#pools) pool.cut(reason, spare);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    this.#known.clear();
    await Promise.all([...this.#pools].map((pool) => pool.destroy()));
    this.#pools.clear();
  }

  #changed(key: EndpointKey, directory: Pick<Directory, "get">): void {
    void loadPools();
    const id = idOf(key);
    const known = this.#known.get(id);
    if (known === undefined) return;
    const endpoint = directory.get(key.namespace, key.name);
    // Not ready for a moment is no other instance: what it works on goes on.
    if (endpoint && (endpoint.upstream?.kind !== "http" || isSame(known, endpoint.upstream))) return;
    this.#retire(id, known);
  }

  #retire(id: string, { pool }: Known): void {
    this.#known.delete(id);
    pool.retire(DRAIN_MS, "the server was replaced or removed while it worked on this");
  }
}

function idOf({ namespace, name }: EndpointKey): string {
  return `${namespace}/${name}`;
}

/** Connections to an address that is allowed no longer do not stay. */
function isSame({ instance, origin, allowedCidrs }: Known, upstream: HttpEndpoint): boolean {
  return instance === upstream.instance && origin === upstream.url && jsonEqual(allowedCidrs, upstream.allowedCidrs);
}
