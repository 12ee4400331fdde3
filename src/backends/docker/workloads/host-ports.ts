import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Workload } from "../../backend.ts";

/** Below 32768, where Linux begins to hand out ports to outgoing connections, and above what servers are known by. */
export const HOST_PORTS = { first: 20_000, count: 10_000 } as const;

/** By then a chosen port shows in the Engine's own list. */
const RESERVATION_MS = 120_000;
const LISTING_MS = 5_000;

/** A revision of a deployment in its role: what has a port of its own. */
export interface Revision {
  readonly uid: string;
  readonly role: Workload["role"];
  /** Of its spec. */
  readonly hash: string;
}

export interface PublishedPorts {
  /** Ports that containers of the Engine, running or not, are published on. */
  readonly ports: ReadonlySet<number>;
  /** Those of them that revisions of deployments have, by `revisionKey`. */
  readonly ofRevisions: ReadonlyMap<string, number>;
}

export interface HostPortSources {
  readonly published: () => Promise<PublishedPorts>;
  /** Whether another program holds a port, as far as can be seen from here. */
  readonly isBound: (port: number) => Promise<boolean>;
  readonly clock: Clock;
}

/**
 * Chooses host ports. A deployment's port begins with its UID, so that it is likely to be the same again, and
 * concurrent choices rarely meet; what has been handed out is not handed out to another. A revision that asks again gets
 * the same: the sandbox of a creation whose reply was lost is then the one that the next attempt wants.
 */
export class HostPorts {
  readonly #sources: HostPortSources;
  readonly #reserved = new Map<number, { readonly key: string; readonly atMs: number }>();
  #listing: { readonly published: Promise<PublishedPorts>; readonly atMs: number } | undefined;

  constructor(sources: HostPortSources) {
    this.#sources = sources;
  }

  /** @throws {TransientError} `PortConflict` when the whole range is taken. */
  async choose(revision: Revision): Promise<number> {
    const published = await this.#published();
    this.#dropOldReservations();
    const key = revisionKey(revision);
    return this.#reservedFor(key) ?? published.ofRevisions.get(key) ?? (await this.#free(revision, published.ports));
  }

  /** For a revision whose port was lost to another program before anybody knew it. @throws as `choose`. */
  async chooseAnother(revision: Revision): Promise<number> {
    const { ports } = await this.#published();
    this.#dropOldReservations();
    const lost = this.#reservedFor(revisionKey(revision));
    const port = await this.#free(revision, ports);
    // It stays reserved, but for nobody.
    if (lost !== undefined) this.#reserve(lost, "");
    return port;
  }

  async #free(revision: Revision, published: ReadonlySet<number>): Promise<number> {
    const preferred = preferredOffset(revision);
    for (let step = 0; step < HOST_PORTS.count; step += 1) {
      const port = HOST_PORTS.first + ((preferred + step) % HOST_PORTS.count);
      if (published.has(port) || this.#reserved.has(port)) continue;
      this.#reserve(port, revisionKey(revision));
      if (!(await this.#sources.isBound(port))) return port;
      this.#reserve(port, "");
    }
    const { first, count } = HOST_PORTS;
    throw new TransientError(
      Reason.PortConflict,
      `all host ports from ${first} to ${first + count - 1} are taken; remove containers that nobody needs`,
    );
  }

  #reserve(port: number, key: string): void {
    // Back to the end: the oldest reservation stays first.
    this.#reserved.delete(port);
    this.#reserved.set(port, { key, atMs: this.#sources.clock.monotonicMs() });
  }

  #reservedFor(wanted: string): number | undefined {
    for (const [port, { key }] of this.#reserved) if (key === wanted) return port;
    return undefined;
  }

  async #published(): Promise<PublishedPorts> {
    const now = this.#sources.clock.monotonicMs();
    if (!this.#listing || now - this.#listing.atMs > LISTING_MS) {
      const listing = { published: this.#sources.published(), atMs: now };
      this.#listing = listing;
      listing.published.catch(() => {
        if (this.#listing === listing) this.#listing = undefined;
      });
    }
    return await this.#listing.published;
  }

  #dropOldReservations(): void {
    const now = this.#sources.clock.monotonicMs();
    for (const [port, { atMs }] of this.#reserved) {
      if (now - atMs <= RESERVATION_MS) return;
      this.#reserved.delete(port);
    }
  }
}

export function revisionKey({ uid, role, hash }: Revision): string {
  return `${uid}/${role}/${hash}`;
}

/** Where in the range a workload would like to be. A candidate stands elsewhere than what serves. */
export function preferredOffset({ uid, role }: Pick<Revision, "uid" | "role">): number {
  return createHash("sha256").update(`${uid}/${role}`).digest().readUInt32BE(0) % HOST_PORTS.count;
}

/**
 * Whether a port is taken on this machine. Anything but a clear "taken" counts as free: the Engine may live in another
 * network namespace than this process, and has the last word when the container starts.
 */
export async function isBoundHere(address: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE"));
    server.listen({ host: address, port, exclusive: true }, () => resolve(false));
    return await promise;
  } finally {
    server.close();
  }
}
