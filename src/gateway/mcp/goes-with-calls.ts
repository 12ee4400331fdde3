import type { IncomingMessage } from "node:http";
import { LARGEST_KEPT } from "./body-head.ts";

/**
 * Whether a request goes with calls that are under way, rather than begin one: an answer to what the server has asked, a
 * notification such as that of a cancellation, or the end of a session. A call that waits for it would wait in vain if it were
 * held. Leaves the body as it was. Never throws; waits for 64 KiB of the body, or for all of it.
 * @param length of the body, as the client says it.
 */
export async function goesWithCalls(request: IncomingMessage, length: number | undefined): Promise<boolean> {
  if (request.method === "DELETE") return true;
  // Whoever waits for leave to send it is not given that before it is known where it goes.
  if (request.method !== "POST" || length === 0 || request.headers.expect !== undefined) return false;
  const head = await headOf(request);
  return head.length < LARGEST_KEPT ? asksNothing(head.toString()) : LONG_ANSWER.test(head.toString());
}

/** What is long and is no call is an answer: the SDKs write one with its result first, or after these two. */
const LONG_ANSWER = /^\s*\{\s*(?:"(?:jsonrpc|id)"\s*:\s*(?:"[^"\\]*"|\d+)\s*,\s*)*"(?:result|error)"\s*:/;

function asksNothing(body: string): boolean {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return false;
  }
  const messages: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  return messages.length > 0 && messages.every(isNoRequest);
}

function isNoRequest(message: unknown): boolean {
  if (typeof message !== "object" || message === null) return false;
  return "method" in message ? !("id" in message) : "result" in message || "error" in message;
}

/** Takes the beginning of a body out, and puts it back in the same turn, so that its end is not taken for reached. */
async function headOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const read = () => {
    const chunk = request.read() as Buffer | null;
    if (chunk !== null) chunks.push(chunk);
    bytes += chunk?.length ?? 0;
    if (bytes < LARGEST_KEPT && !request.complete) return;
    request.off("readable", read);
    if (bytes > 0) request.unshift(Buffer.concat(chunks));
    resolve();
  };
  const leave = () => resolve();
  request.on("readable", read).once("close", leave);
  await promise;
  request.off("readable", read).off("close", leave);
  return Buffer.concat(chunks);
}
