import type { Readable } from "node:stream";
import { type Answer, isSuccess } from "./exchange.ts";

/** All that an error's message needs; the rest is not read. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Until it is open, or its refusal is read, a stream ends with either signal; then only with its caller's. */
export async function openStream(
  open: (signal: AbortSignal) => Promise<Answer>,
  { opening, lifetime }: { opening: AbortSignal; lifetime: AbortSignal },
): Promise<Answer> {
  const controller = new AbortController();
  const end = (): void => controller.abort(lifetime.reason);
  const giveUp = (): void => controller.abort(opening.reason);
  lifetime.addEventListener("abort", end, { once: true });
  opening.addEventListener("abort", giveUp, { once: true });
  const forget = (): void => lifetime.removeEventListener("abort", end);
  let lasts = false;
  try {
    const answer = await open(controller.signal);
    const body = answer.body as Readable;
    if (!isSuccess(answer)) return { ...answer, body: await beginningOf(body) };
    body.once("close", forget);
    lasts = true;
    return answer;
  } finally {
    opening.removeEventListener("abort", giveUp);
    if (!lasts) forget();
  }
}

async function beginningOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks);
}
