import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

/** What the machine itself serves, on all its addresses: echoes by TCP and, at those given, by UDP. */
export class HostServices implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: readonly Socket[];

  private constructor(server: Server, port: number, sockets: readonly Socket[]) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
  }

  static async start(datagramsAt: readonly string[]): Promise<HostServices> {
    const server = createServer((socket) => socket.on("error", () => socket.destroy()).pipe(socket));
    server.listen(0, "::");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const sockets = datagramsAt.map((address) => {
      const socket = createSocket("udp4");
      socket.on("message", (message, from) => socket.send(message, from.port, from.address));
      return socket.bind(port, address);
    });
    await Promise.all(sockets.map((socket) => once(socket, "listening")));
    return new HostServices(server, port, sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
