import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";
import { listen } from "./listen.ts";

export interface RecordedCall {
  /** Method and path. */
  readonly line: string;
  /** Whose connection it came over; undefined: that process was gone before anybody looked. */
  readonly pid: number | undefined;
}

const REQUEST_LINE = /^(GET|HEAD|POST|PUT|PATCH|DELETE) \S+(?= HTTP\/1\.1\r\n)/gm;

/** Hands connections of HTTP/1.1 on, and knows what was asked over them, and by which process. */
export class CallRecorder implements AsyncDisposable {
  readonly calls: RecordedCall[] = [];
  /** Told of each call before it is handed on. */
  onCall: (call: RecordedCall) => void = () => undefined;
  readonly address: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(parts: { address: string; server: Server; sockets: Set<Socket> }) {
    this.address = parts.address;
    this.#server = parts.server;
    this.#sockets = parts.sockets;
  }

  /** `pids` are the processes that may connect. */
  static async start(target: NetConnectOpts, pids: () => readonly number[]): Promise<CallRecorder> {
    const sockets = new Set<Socket>();
    const keep = (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
      return socket;
    };
    const server = createServer((socket) => {
      const pid = ownerOf(socket, pids());
      const onward = keep(connect(target));
      keep(socket).on("data", (chunk: Buffer) => {
        for (const [line] of chunk.toString("latin1").matchAll(REQUEST_LINE)) {
          recorder.calls.push({ line, pid });
          recorder.onCall({ line, pid });
        }
        onward.write(chunk);
      });
      socket.on("end", () => onward.end()).on("close", () => onward.destroy());
      onward.pipe(socket);
    });
    const recorder = new CallRecorder({ address: await listen(server), server, sockets });
    return recorder;
  }

  of(pid: number): readonly string[] {
    return this.calls.filter((call) => call.pid === pid).map(({ line }) => line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/**
 * Which of these processes is at the other end of a connection over loopback. Both ends tell it: connections to several places may
 * have the same port on this side.
 */
function ownerOf({ remotePort = 0, localPort = 0 }: Socket, pids: readonly number[]): number | undefined {
  const ends = `${loopback(remotePort)} ${loopback(localPort)}`;
  const line = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .find((each) => each.includes(ends));
  const inode = line?.trim().split(/\s+/)[9];
  return pids.find((pid) => descriptorsOf(pid).includes(`socket:[${inode}]`));
}

/** As the kernel writes it. */
function loopback(port: number): string {
  return `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((fd) => {
    try {
      return [readlinkSync(`${directory}/${fd}`)];
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
}
