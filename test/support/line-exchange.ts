import { once } from "node:events";
import type { Duplex } from "node:stream";

/** Writes a line and reads until one has come back. For programs that write what they read. */
export async function exchange(stream: Duplex, line: string, signal: AbortSignal): Promise<string> {
  stream.write(`${line}\n`);
  let text = "";
  while (!text.includes("\n")) {
    const chunk: Buffer | null = stream.read();
    if (chunk) text += chunk.toString("utf8");
    else if (stream.readableEnded || stream.destroyed)
      throw new Error(`the stream ended after ${JSON.stringify(text)}`);
    else await Promise.race([once(stream, "readable", { signal }), once(stream, "close", { signal })]);
  }
  return text.slice(0, text.indexOf("\n"));
}

/** Reads on and throws away; resolves when the stream has ended, cleanly or not. */
export async function ended(stream: Duplex, signal: AbortSignal): Promise<void> {
  stream.on("error", () => undefined).resume();
  if (!stream.closed) await once(stream, "close", { signal });
}
