import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/** Listens on any free port or on the given one, on loopback unless told otherwise. Answers `host:port`. */
export async function listen(server: Server, port = 0, host = "127.0.0.1"): Promise<string> {
  server.listen(port, host);
  await once(server, "listening");
  return `${host}:${(server.address() as AddressInfo).port}`;
}
