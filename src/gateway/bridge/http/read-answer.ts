import { createParser } from "eventsource-parser";
import { BytePieces } from "../../../machinery/byte-pieces.ts";
import { asMessage, type Message } from "../message.ts";
import { LONGEST_LINE_BYTES } from "../stdio/server-channel.ts";
import { type HttpAnswer, headerOf, RequestFailed } from "./http-request.ts";

/** What one answer may have in all. A call that reports for hours stays below it. */
export const LONGEST_CALL_BYTES = 256 * 1024 * 1024;
/** Messages that come as one batch (revision 2025-03-26). */
const LARGEST_BATCH = 256;
/** What servers ask clients to wait before they come back is kept within this. */
const LONGEST_RETRY_MS = 30_000;

export interface AnswerSink {
  onMessage(message: Message, bytes: number): void;
  /** What is no message. */
  onInvalid?(): void;
  /** Where a stream can be taken up again. */
  onEventId?(id: string): void;
  onRetry?(ms: number): void;
  /** An event that is no message; its name and data. */
  onEvent?(name: string, data: string): void;
}

export function isEventStream(answer: HttpAnswer): boolean {
  return headerOf(answer, "content-type")?.startsWith("text/event-stream") === true;
}

/** Reads to the end, an event stream or one body. @throws {RequestFailed} where it is too long, or the connection breaks. */
export async function readAnswer(answer: HttpAnswer, sink: AnswerSink, mostBytes = LONGEST_CALL_BYTES): Promise<void> {
  if (isEventStream(answer)) await readEvents(answer.body, sink, mostBytes);
  else await readBody(answer.body, sink);
}

async function readEvents(body: AsyncIterable<Uint8Array>, sink: AnswerSink, mostBytes: number): Promise<void> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: LONGEST_LINE_BYTES,
    onEvent({ event = "message", data, id }) {
      if (id !== undefined) sink.onEventId?.(id);
      if (event !== "message") sink.onEvent?.(event, data);
      // An event without data is a sign of life, or says where to begin again.
      else if (data !== "") deliver(data, sink);
    },
    onRetry: (ms) => sink.onRetry?.(Math.min(ms, LONGEST_RETRY_MS)),
    onError({ type }) {
      isTooLong ||= type === "max-buffer-size-exceeded";
    },
  });
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    parser.feed(decoder.decode(chunk, { stream: true }));
    if (isTooLong || bytes > mostBytes) throw tooLong();
  }
}

async function readBody(body: AsyncIterable<Uint8Array>, sink: AnswerSink): Promise<void> {
  const pieces = new BytePieces();
  for await (const chunk of body) {
    pieces.push(chunk);
    if (pieces.bytes > LONGEST_LINE_BYTES) throw tooLong();
  }
  if (pieces.bytes > 0) deliver(pieces.take().toString(), sink);
}

function deliver(text: string, sink: AnswerSink): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    sink.onInvalid?.();
    return;
  }
  const values = Array.isArray(value) ? value.slice(0, LARGEST_BATCH) : [value];
  for (const each of values) {
    const message = asMessage(each);
    if (message) sink.onMessage(message, text.length);
    else sink.onInvalid?.();
  }
}

function tooLong(): RequestFailed {
  return new RequestFailed("UpstreamInvalid", "the server's answer is longer than any that is read");
}
