import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { LentPipes } from "../../backends/stdio-stream.ts";
import { NamedPipeStream } from "../../machinery/named-pipe-stream.ts";
import type { StdioTarget } from "../stdio-streams.ts";
import { firstLine } from "./first-line.ts";
import { answerIn, InputMark, LINE_BYTES, type StreamRequest } from "./messages.ts";

/** The process could not be had. `reason` is PascalCase; the message is of what runs it, and holds no secret. */
export class StreamRefused extends Error {
  override readonly name = "StreamRefused";
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The streams of a process: by way of the main thread, over its socket, or without it where there are pipes. @throws {StreamRefused} */
export async function openStream(socketPath: string, target: StdioTarget, signal: AbortSignal): Promise<Duplex> {
  const { backend, id, own } = target;
  const { socket, pipes } = await ask(socketPath, { kind: "stdio", backend, id, own }, signal);
  return pipes ? borrowed(pipes, socket) : socket;
}

/** Who lends them hears of their return by the end of `socket`, and asks for it so. Before, it hears how the input stands. */
function borrowed({ isTorn, ...pipes }: LentPipes, socket: Socket): NamedPipeStream {
  const onTorn = (within: boolean) => void socket.write(within ? InputMark.withinLine : InputMark.lineEnd);
  const stream = new NamedPipeStream(pipes, { isTorn, onTorn });
  stream.once("close", () => socket.destroySoon());
  const giveBack = () => stream.destroy();
  socket.on("error", giveBack).once("end", giveBack).once("close", giveBack);
  socket.once("data", () => stream.end());
  return stream;
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
): Promise<{ socket: Socket; own: boolean; pipes: LentPipes | undefined }> {
  signal.throwIfAborted();
  const socket = connect(socketPath);
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const answer = answerIn(await firstLine(socket, { maxBytes: LINE_BYTES, signal }));
    if (answer?.ok) return { socket, own: answer.own, pipes: answer.pipes };
    throw new StreamRefused(answer?.reason ?? "Failed", answer?.message ?? "the process could not be reached");
  } catch (error) {
    socket.on("error", () => undefined).destroy();
    throw error;
  }
}
