import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { type Entry, formatAnswer, parseQuestion, type Question } from "./dns-message.ts";

/** What a name has. Empty lists: the name is there and has no such address. */
export interface Zone {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** Aliases in order; the addresses belong to the last of them. */
  readonly aliases?: readonly string[];
  /** Default: 60. */
  readonly ttl?: number;
  /** Each answer begins with another address. */
  readonly rotate?: boolean;
}

/** The most that a UDP answer may have where the client says nothing else. */
const UDP_BYTES = 512;
const TCP_BYTES = 65_535;
/** What a tunnel would bring in: far more than fits into a datagram. */
const TEXT = Buffer.alloc(2_000, "t");
const TTL_SECONDS = 60;

/** A resolver that knows every name, by UDP and TCP, and remembers what it was asked. */
export class DnsServer {
  readonly questions: { readonly name: string; readonly type: string }[] = [];
  readonly #zones = new Map<string, Zone>();
  readonly #fallback: Zone;
  #rotation = 0;

  /** `fallback` is what a name has that nobody told about. */
  constructor(fallback: Zone) {
    this.#fallback = fallback;
  }

  set(name: string, zone: Zone): void {
    this.#zones.set(name, zone);
  }

  async listen(addresses: readonly string[], port = 53): Promise<void> {
    for (const address of addresses) await Promise.all([this.#udp(address, port), this.#tcp(address, port)]);
  }

  async #udp(address: string, port: number): Promise<Socket> {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("message", (message, from) => socket.send(this.#answer(message, UDP_BYTES), from.port, from.address));
    socket.bind(port, address);
    await once(socket, "listening");
    return socket;
  }

  async #tcp(address: string, port: number): Promise<Server> {
    const server = createServer((socket) => {
      let received = Buffer.alloc(0);
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
          const end = 2 + received.readUInt16BE(0);
          const answer = this.#answer(received.subarray(2, end), TCP_BYTES);
          socket.write(Buffer.concat([Buffer.of(answer.length >> 8, answer.length & 0xff), answer]));
          received = received.subarray(end);
        }
      });
    });
    server.listen(port, address);
    await once(server, "listening");
    return server;
  }

  #answer(message: Buffer, limit: number): Buffer {
    const question = parseQuestion(message);
    const { name, type } = question;
    this.questions.push({ name, type });
    return formatAnswer(question, this.#entries(question), limit);
  }

  #entries({ name, type }: Question): Entry[] {
    const zone = this.#zones.get(name) ?? this.#fallback;
    const { aliases = [], ttl = TTL_SECONDS } = zone;
    const chain = [name, ...aliases];
    const links = aliases.map((value, at): Entry => ({ name: chain[at] ?? name, ttl, type: "CNAME", value }));
    const last = chain.at(-1) ?? name;
    if (type === "TXT") return [...links, { name: last, ttl, type, value: TEXT }];
    if (type !== "A" && type !== "AAAA") return links;
    const all = (type === "A" ? zone.a : zone.aaaa) ?? [];
    const first = zone.rotate ? this.#rotation++ % Math.max(all.length, 1) : 0;
    const turned = [...all.slice(first), ...all.slice(0, first)];
    return [...links, ...turned.map((value): Entry => ({ name: last, ttl, type, value }))];
  }
}
