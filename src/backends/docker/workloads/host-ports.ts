import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Owner, Workload } from "../../backend.ts";

/** Below 32768, where Linux begins to hand out ports to outgoing connections, and above what servers are known by. */
export const HOST_PORTS = { first: 20_000, count: 10_000 } as const;

/** By then a chosen port shows in the Engine's own list. */
const RESERVATION_MS = 120_000;
const LISTING_MS = 5_000;

export interface HostPortSources {
  /** Ports that containers of the Engine, running or not, are published on. */
  readonly published: () => Promise<ReadonlySet<number>>;
  /** Whether another program holds a port, as far as can be seen from here. */
  readonly isBound: (port: number) => Promise<boolean>;
  readonly clock: Clock;
}

/**
 * Chooses host ports. A deployment's port begins with its UID, so that it is likely to be the same again, and
 * concurrent choices rarely meet; what has been handed out is not handed out to another.
 */
export class HostPorts {
  readonly #sources: HostPortSources;
  readonly #reserved = new Map<number, number>();
  #listing: { readonly ports: Promise<ReadonlySet<number>>; readonly atMs: number } | undefined;

  constructor(sources: HostPortSources) {
    this.#sources = sources;
  }

  /** @throws {TransientError} `PortConflict` when the whole range is taken. */
  async choose(owner: Owner, role: Workload["role"]): Promise<number> {
    const published = await this.#published();
    this.#dropOldReservations();
    const preferred = preferredOffset(owner, role);
    for (let step = 0; step < HOST_PORTS.count; step += 1) {
      const port = HOST_PORTS.first + ((preferred + step) % HOST_PORTS.count);
      if (published.has(port) || this.#reserved.has(port)) continue;
      this.avoid(port);
      if (!(await this.#sources.isBound(port))) return port;
    }
    const { first, count } = HOST_PORTS;
    throw new TransientError(
      Reason.PortConflict,
      `all host ports from ${first} to ${first + count - 1} are taken; remove containers that nobody needs`,
    );
  }

  /** Keeps `choose` from a port, for a while. */
  avoid(port: number): void {
    // Back to the end: the oldest reservation stays first.
    this.#reserved.delete(port);
    this.#reserved.set(port, this.#sources.clock.monotonicMs());
  }

  async #published(): Promise<ReadonlySet<number>> {
    const now = this.#sources.clock.monotonicMs();
    if (!this.#listing || now - this.#listing.atMs > LISTING_MS) {
      const listing = { ports: this.#sources.published(), atMs: now };
      this.#listing = listing;
      listing.ports.catch(() => {
        if (this.#listing === listing) this.#listing = undefined;
      });
    }
    return await this.#listing.ports;
  }

  #dropOldReservations(): void {
    const now = this.#sources.clock.monotonicMs();
    for (const [port, atMs] of this.#reserved) {
      if (now - atMs <= RESERVATION_MS) return;
      this.#reserved.delete(port);
    }
  }
}

/** Where in the range a workload would like to be. A candidate stands elsewhere than what serves. */
export function preferredOffset(owner: Owner, role: Workload["role"]): number {
  return createHash("sha256").update(`${owner.uid}/${role}`).digest().readUInt32BE(0) % HOST_PORTS.count;
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
