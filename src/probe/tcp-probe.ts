import { connect } from "node:net";
import type { Probe } from "./probe.ts";
import { fromConnectionError, ProbeError } from "./probe-error.ts";

/**
 * Docker's port proxy accepts every connection and closes it when nobody listens in the container, within a few
 * milliseconds. A connection counts when it is still open after this long, or when something was sent on it.
 */
const SETTLE_MS = 100;

/** A connection that is accepted and kept. */
export class TcpProbe implements Probe {
  readonly #host: string;
  readonly #port: number;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  async run({ signal }: { signal: AbortSignal }): Promise<undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const socket = connect({ host: this.#host, port: this.#port, signal });
    socket.unref();
    let settling: NodeJS.Timeout | undefined;
    socket.on("connect", () => {
      settling = setTimeout(() => resolve(undefined), SETTLE_MS);
      settling.unref();
    });
    socket.on("data", () => resolve(undefined));
    socket.on("end", () => reject(closedAtOnce()));
    socket.on("error", (error) => reject(fromConnectionError(error)));
    try {
      return await promise;
    } finally {
      clearTimeout(settling);
      socket.destroy();
    }
  }

  async end(): Promise<void> {
    // Nothing is kept between runs.
  }
}

function closedAtOnce(): ProbeError {
  return new ProbeError(
    "ProbeRefused",
    "the connection was closed at once; does the server listen on transport.port, on 0.0.0.0 and not on loopback?",
  );
}
