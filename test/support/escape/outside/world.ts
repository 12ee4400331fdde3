import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { ANYBODY, ECHO_PORT, HTTPS_PORT, METADATA, METADATA_PORT, place, RESOLVER } from "../addresses.ts";
import { DnsServer, type Zone } from "./dns-server.ts";

/**
 * Everything that answers outside. The program of the outside's network namespace, which ends with it; so does it when its
 * parent goes away. Takes orders, one at a time, over the channel of `fork`.
 */
export type Order =
  | {
      readonly kind: "serve";
      /** The interface that packets arrive on. */
      readonly device: string;
      /** The attempts' program, which also watches packets. */
      readonly program: string;
      readonly key: string;
      readonly certificate: string;
    }
  | { readonly kind: "name"; readonly name: string; readonly zone: Zone }
  | { readonly kind: "questions" }
  | { readonly kind: "packets" };

/** A packet that arrived, whether or not anybody answered. */
export interface Packet {
  readonly protocol: "tcp" | "udp" | "icmp" | "other";
  readonly to: string;
  /** 0 where the protocol has none. */
  readonly port: number;
}

const dns = new DnsServer({ a: [ANYBODY.v4], aaaa: [ANYBODY.v6] });
/** How many packets arrived, by what `JSON.stringify` makes of a `Packet`. */
const packets = new Map<string, number>();

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case "serve":
      return await serve(order);
    case "name":
      return dns.set(order.name, order.zone);
    case "questions":
      return dns.questions;
    case "packets":
      return [...packets];
    default:
      return order satisfies never;
  }
}

async function serve({ device, program, key, certificate }: Order & { kind: "serve" }): Promise<void> {
  // Whole blocks are local here by a route; IPv6 lets nobody listen on such an address otherwise.
  await writeFile("/proc/sys/net/ipv6/ip_nonlocal_bind", "1");
  const everywhere = Array.from({ length: 254 }, (_, at) => place(at + 1)).flatMap(({ v4, v6 }) => [v4, v6]);
  await dns.listen([RESOLVER.v4, RESOLVER.v6]);
  await listen(createServer(echo), ECHO_PORT, "::");
  await listen(
    createHttpsServer({ key, cert: certificate }, (_, response) => void response.end("outside\n")),
    HTTPS_PORT,
    "::",
  );
  await listen(
    createHttpServer((_, response) => void response.end("ami-id\n")),
    METADATA_PORT,
    METADATA,
  );
  await Promise.all(everywhere.map(echoDatagrams));
  await watchPackets(program, device);
}

function echo(socket: Socket): void {
  socket.on("error", () => socket.destroy()).pipe(socket);
}

/** One socket for each address: an answer from another would not count as one. */
async function echoDatagrams(address: string): Promise<void> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (message, from) => socket.send(message, from.port, from.address));
  socket.bind(ECHO_PORT, address);
  await once(socket, "listening");
}

async function listen(server: Server, port: number, address: string): Promise<void> {
  server.listen(port, address);
  await once(server, "listening");
}

/** Resolves once no packet can be missed. */
async function watchPackets(program: string, device: string): Promise<void> {
  const sniffer = spawn(program, ["sniff", device], { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => sniffer.kill("SIGKILL"));
  const lines = createInterface({ input: sniffer.stdout });
  await once(lines, "line");
  lines.on("line", (line) => packets.set(line, (packets.get(line) ?? 0) + 1));
}

process.on("message", ({ id, order }: { id: number; order: Order }) => {
  obey(order).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.once("disconnect", () => process.exit(0));
