import type { WorkloadEndpoint } from "../../../backends/workload-endpoint.ts";
import type { Clock } from "../../../machinery/clock.ts";
import type { BridgedServer } from "../../bridge/bridged-server.ts";
import { type Directory, type EndpointKey, endpointPath } from "../../directory.ts";
import { BridgedUpstream } from "./bridged-upstream.ts";

export interface BridgedUpstreamsOptions {
  readonly directory: Pick<Directory, "get" | "list" | "onChange">;
  readonly clock: Clock;
  /** @throws {NoServer} */
  readonly makeServer: (endpoint: WorkloadEndpoint, protocolVersion: string | undefined) => Promise<BridgedServer>;
}

interface Known {
  readonly made: Promise<BridgedUpstream>;
  /** Once it is made. */
  upstream: BridgedUpstream | undefined;
  /** Where it runs: there is one process at a place. */
  readonly place: string;
  usedMs: number;
}

/** How long what is under way at an instance may take once another has taken its place, or it was deleted. */
const DRAIN_MS = 30_000;
/** One that stands in no directory is on trial, and kept as long as it is probed. Above the longest period of probes. */
const UNLISTED_IDLE_MS = 600_000;

const REPLACED = "the server was replaced or removed while it worked on this";

/**
 * The instances of bridged servers, made when they are first asked for, by clients or by probes. By instance rather than by
 * deployment: what is probed on trial goes on when it is the one that serves, with the greeting that it has had.
 */
export class BridgedUpstreams {
  readonly #options: BridgedUpstreamsOptions;
  readonly #known = new Map<string, Known>();
  /** What each deployment's instance is, as far as it was asked for. */
  readonly #listed = new Map<string, string>();
  readonly #unsubscribe: () => void;
  #cancelSweep: (() => void) | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(options: BridgedUpstreamsOptions) {
    this.#options = options;
    this.#unsubscribe = options.directory.onChange((key) => this.#changed(key));
  }

  get size(): number {
    return this.#known.size;
  }

  /** @throws {NoServer} */
  async of(endpoint: WorkloadEndpoint, listedAs?: EndpointKey): Promise<BridgedUpstream> {
    const identity = identityOf(endpoint);
    if (listedAs) this.#list(endpointPath(listedAs), identity);
    const known = this.#known.get(identity) ?? this.#make(endpoint, identity, listedAs);
    known.usedMs = this.#options.clock.monotonicMs();
    const upstream = await known.made;
    upstream.revive();
    return upstream;
  }

  /** The instance that serves a deployment, once it was asked for. */
  at(key: EndpointKey): BridgedUpstream | undefined {
    return this.#known.get(this.#listed.get(endpointPath(key)) ?? "")?.upstream;
  }

  /** Ends what is under way; calls stay where `spare` says so. */
  cut(reason: string, spare: "calls" | "nothing"): void {
    for (const { made } of this.#known.values()) made.then((each) => each.cut(reason, spare)).catch(() => undefined);
  }

  async close(reason: string): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#cancelSweep?.();
    const all = await Promise.allSettled([...this.#known.values()].map(({ made }) => made));
    for (const each of all) if (each.status === "fulfilled") each.value.close(reason);
  }

  #make(endpoint: WorkloadEndpoint, identity: string, listedAs: EndpointKey | undefined): Known {
    const { clock, makeServer, directory } = this.#options;
    // What a probe has agreed on with it.
    const listed = listedAs && directory.get(listedAs.namespace, listedAs.name);
    const place = placeOf(endpoint);
    // Whoever takes the streams of a process takes them from who had them: an earlier instance there is gone.
    for (const [other, known] of this.#known) if (known.place === place) this.#retire(other, known, 0);
    this.#lastId += 1;
    const id = String(this.#lastId);
    const forget = () => {
      if (this.#known.get(identity) === known) this.#known.delete(identity);
    };
    const made = makeServer(endpoint, listed?.protocolVersion).then(
      (server) => new BridgedUpstream({ id, server, clock, onClosed: forget }),
    );
    const known: Known = { made, upstream: undefined, place, usedMs: clock.monotonicMs() };
    made.then((upstream) => {
      known.upstream = upstream;
    }, forget);
    this.#known.set(identity, known);
    this.#cancelSweep ??= this.#isClosed ? undefined : this.#scheduleSweep();
    return known;
  }

  #list(path: string, identity: string): void {
    const before = this.#listed.get(path);
    if (before === identity) return;
    this.#listed.set(path, identity);
    this.#retireUnlisted(before);
  }

  #changed(key: EndpointKey): void {
    const path = endpointPath(key);
    const before = this.#listed.get(path);
    if (before === undefined) return;
    const endpoint = this.#options.directory.get(key.namespace, key.name);
    // Not ready for a moment is no other instance: what it works on goes on.
    if (endpoint && endpoint.upstream === undefined) return;
    if (endpoint?.upstream && identityOf(endpoint.upstream) === before) return;
    this.#listed.delete(path);
    this.#retireUnlisted(before);
  }

  #retireUnlisted(identity: string | undefined): void {
    const known = identity === undefined ? undefined : this.#known.get(identity);
    if (known && identity !== undefined) this.#retire(identity, known, DRAIN_MS);
  }

  #retire(identity: string, { made }: Known, graceMs: number): void {
    if (graceMs === 0) this.#known.delete(identity);
    made.then((each) => each.retire(graceMs, REPLACED)).catch(() => undefined);
  }

  #scheduleSweep(): () => void {
    return this.#options.clock.schedule(UNLISTED_IDLE_MS / 4, () => {
      const listed = new Set(this.#listed.values());
      const now = this.#options.clock.monotonicMs();
      for (const [identity, known] of this.#known) {
        const isIdle = !listed.has(identity) && now - known.usedMs >= UNLISTED_IDLE_MS;
        if (isIdle) this.#retire(identity, known, 0);
      }
      this.#cancelSweep = this.#known.size > 0 ? this.#scheduleSweep() : undefined;
    });
  }
}

/** Where there can be only one: whoever attaches to a process takes its streams. */
function placeOf(endpoint: WorkloadEndpoint): string {
  return endpoint.kind === "stdio" ? `stdio\n${endpoint.backend}\n${endpoint.id}` : identityOf(endpoint);
}

/** By endpoint, which stays the same object until it changes: it is asked with every call. */
const identities = new WeakMap<WorkloadEndpoint, string>();

/** Kept in memory alone, since headers hold credentials: with others it is another server. */
function identityOf(endpoint: WorkloadEndpoint): string {
  const known = identities.get(endpoint) ?? identityText(endpoint);
  identities.set(endpoint, known);
  return known;
}

function identityText(endpoint: WorkloadEndpoint): string {
  if (endpoint.kind === "stdio") {
    const { backend, id, instance, sessionMode } = endpoint;
    return ["stdio", backend, id, instance, sessionMode].join("\n");
  }
  return ["http", endpoint.url, endpoint.instance, JSON.stringify(endpoint.headers ?? {})].join("\n");
}
