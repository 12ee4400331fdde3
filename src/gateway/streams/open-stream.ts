import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { StdioTarget } from "../stdio-streams.ts";
import { firstLine } from "./first-line.ts";
import { answerIn, LINE_BYTES, type StreamRequest } from "./messages.ts";

/** The process could not be had. `reason` is PascalCase; the message is of what runs it, and holds no secret. */
export class StreamRefused extends Error {
  override readonly name = "StreamRefused";
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The streams of a process from the main thread, over its socket. @throws {StreamRefused} */
export async function openStream(socketPath: string, target: StdioTarget, signal: AbortSignal): Promise<Duplex> {
  const { backend, id, own } = target;
  const { socket } = await ask(socketPath, { kind: "stdio", backend, id, own }, signal);
  return socket;
}

/** Whether the place can start a process for one client. @throws {StreamRefused} */
export async function offersOwn(socketPath: string, backend: string, signal: AbortSignal): Promise<boolean> {
  const { socket, own } = await ask(socketPath, { kind: "offers", backend }, signal);
  socket.on("error", () => undefined).destroy();
  return own;
}

async function ask(
  socketPath: string,
  request: StreamRequest,
  signal: AbortSignal,
): Promise<{ socket: Socket; own: boolean }> {
  signal.throwIfAborted();
  const socket = connect(socketPath);
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const answer = answerIn(await firstLine(socket, { maxBytes: LINE_BYTES, signal }));
    if (answer?.ok) return { socket, own: answer.own };
    throw new StreamRefused(answer?.reason ?? "Failed", answer?.message ?? "the process could not be reached");
  } catch (error) {
    socket.on("error", () => undefined).destroy();
    throw error;
  }
}
