import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/** Listens on loopback, on any free port or on the given one. Answers `host:port`. */
export async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
