import { createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { PipeBorrower, StdioStream } from "../../backends/stdio-stream.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { StdioStreams, StdioTarget } from "../stdio-streams.ts";
import { firstLine } from "./first-line.ts";
import { InputMark, LINE_BYTES, requestIn, type StreamAnswer } from "./messages.ts";

export interface StreamServerOptions {
  /** In a folder that only this user opens. */
  readonly socketPath: string;
  readonly streams: StdioStreams;
  readonly logger: Logger;
}

export interface StreamServer {
  /** Streams that are open now. */
  readonly size: number;
  /** Cuts all of them. */
  close(): Promise<void>;
}

/** Processes that all clients share, and those of one client: far above what one machine runs. */
const STREAMS = 4_096;
/** For the line that says which process. The data path writes it at once. */
const REQUEST_TIMEOUT_MS = 5_000;
/** For a process to start, or for its place to answer. Above what the data path waits. */
const OPEN_TIMEOUT_MS = 45_000;
/** For the data path to close two pipes, or a process to take the end of a line. One that hangs reads nothing. */
const GIVE_BACK_TIMEOUT_MS = 2_000;
/** How often it is looked whether the data path is still there for a process that takes nothing. */
const LOOK_MS = 2_000;
const LINE_FEED = 0x0a;

/**
 * Hands the streams of processes to the data path, over a Unix socket: it says which in one line, and has the bytes of that
 * process from then on. Nothing of them is read here: they are copied, each side as fast as the other takes them; or it is
 * told of named pipes, which spares every message two changes of thread.
 * @throws {Error} when the socket cannot be listened on.
 */
export async function startStreamServer({ socketPath, streams, logger }: StreamServerOptions): Promise<StreamServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    // What it means is told by its close.
    socket.on("error", () => undefined);
    void serve(socket, streams);
  });
  server.maxConnections = STREAMS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (error) => logger.warn("the listener for streams had an error", { error: error.message }));
  return {
    get size() {
      return open.size;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function serve(socket: Socket, streams: StdioStreams): Promise<void> {
  const gone = new AbortController();
  const onClose = () => gone.abort(new Error("the data path is gone"));
  socket.once("close", onClose);
  try {
    const limit = {
      maxBytes: LINE_BYTES,
      signal: AbortSignal.any([gone.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    };
    const request = requestIn(await firstLine(socket, limit));
    if (request === undefined) throw new TerminalError("InvalidRequest", "the line is no request for a stream");
    const own = streams.canOpenOwn(request.backend);
    if (request.kind === "offers") {
      socket.end(line({ ok: true, own }), () => socket.destroySoon());
      return;
    }
    const process = await opened(streams, request, gone.signal);
    if (socket.destroyed) process.destroy();
    else if (process.lend) socket.write(line({ ok: true, own, pipes: process.lend(borrower(socket, process)) }));
    else join(socket, process, line({ ok: true, own }));
  } catch (error) {
    if (!socket.destroyed) socket.end(line(refusalOf(error)), () => socket.destroySoon());
  } finally {
    socket.off("close", onClose);
  }
}

async function opened(streams: StdioStreams, target: StdioTarget, gone: AbortSignal): Promise<StdioStream> {
  const signal = AbortSignal.any([gone, AbortSignal.timeout(OPEN_TIMEOUT_MS)]);
  return streams.open(target, signal);
}

/** The data path, as who opens the pipes of a process. What it closes comes before the end of its connection. */
function borrower(socket: Socket, process: StdioStream): PipeBorrower {
  process.on("error", () => undefined);
  const leave = () => process.destroy();
  let isTorn: boolean | undefined;
  const onMarks = (marks: Buffer) => {
    isTorn = marks.toString("latin1").at(-1) !== InputMark.lineEnd;
  };
  socket.once("end", leave).once("close", leave).on("data", onMarks);
  return {
    endInput: () => void socket.write("\n"),
    giveBack() {
      const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
      const left = () => resolve(isTorn);
      if (socket.closed) left();
      const late = setTimeout(() => {
        // Nobody knows what it still writes.
        isTorn = true;
        socket.destroy();
      }, GIVE_BACK_TIMEOUT_MS);
      socket.once("close", left).end();
      return promise.finally(() => clearTimeout(late));
    },
  };
}

/**
 * Whoever goes takes the other along, what the process has still said included. The end of what the data path sends means that it
 * is gone: over a Unix socket the two cannot be told apart, and a process that lives on must not read the end of its input. Half a line that it
 * has had is ended: the first message of who comes next would be taken for the rest of it.
 */
function join(socket: Socket, process: Duplex, answer: string): void {
  process.on("error", () => undefined);
  const [input, output] = [lineOf(socket), lineOf(process)];
  const letGo = () => void process.destroy();
  // Nothing is read for a process that takes nothing, the end neither: so one writes. An empty line says nothing to who reads lines.
  const look = setInterval(() => {
    if (socket.isPaused() && !output.isWithin) socket.write("\n");
  }, LOOK_MS);
  const leave = () => {
    clearInterval(look);
    socket.off("end", leave).off("close", leave);
    if (!input.isWithin || process.destroyed) return letGo();
    const late = setTimeout(letGo, GIVE_BACK_TIMEOUT_MS);
    process.once("close", () => clearTimeout(late)).write("\n", letGo);
  };
  socket.on("end", leave).on("close", leave);
  process.once("close", () => socket.destroySoon());
  socket.write(answer);
  process.pipe(socket);
  socket.pipe(process, { end: false });
  // Had it ended before somebody listened.
  if (process.destroyed) socket.destroySoon();
}

/** Whether what a stream has brought so far ends within a line. Has it flow. */
function lineOf(stream: Duplex): { readonly isWithin: boolean } {
  const line = { isWithin: false };
  stream.on("data", (chunk: Buffer) => {
    line.isWithin = chunk.at(-1) !== LINE_FEED;
  });
  return line;
}

function line(answer: StreamAnswer): string {
  return `${JSON.stringify(answer)}\n`;
}

/** In the words of what runs the process, which hold no secret; of anything else only that it failed. */
function refusalOf(error: unknown): StreamAnswer {
  if (error instanceof TransientError || error instanceof TerminalError) {
    return { ok: false, reason: error.reason, message: error.message.slice(0, 512) };
  }
  const isLate = error instanceof Error && error.name === "TimeoutError";
  const message = isLate ? "the process could not be reached in time" : "the process could not be reached";
  return { ok: false, reason: isLate ? "Timeout" : "Failed", message };
}
