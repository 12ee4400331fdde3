import { connect, createServer, type Server, type Socket } from "node:net";
import { listen } from "./listen.ts";

interface Gate {
  /** Undefined while connections wait. */
  target: { host: string; port: number } | undefined;
}

/** Accepts connections and keeps them waiting; once released, hands new ones on to a real server. */
export class StallingProxy implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #gate: Gate;

  private constructor(parts: { address: string; server: Server; sockets: Set<Socket>; gate: Gate }) {
    this.address = parts.address;
    this.#server = parts.server;
    this.#sockets = parts.sockets;
    this.#gate = parts.gate;
  }

  static async start(): Promise<StallingProxy> {
    const sockets = new Set<Socket>();
    const gate: Gate = { target: undefined };
    const keep = (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
      return socket;
    };
    const server = createServer((socket) => {
      keep(socket);
      if (!gate.target) return;
      const onward = keep(connect(gate.target));
      socket.pipe(onward).pipe(socket);
    });
    const address = await listen(server);
    return new StallingProxy({ address, server, sockets, gate });
  }

  /** From now on connections reach `address`, given as `host:port`. */
  release(address: string): void {
    const { hostname, port } = new URL(`tcp://${address}`);
    this.#gate.target = { host: hostname, port: Number(port) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
