import { readFile, stat } from "node:fs/promises";
import { UsageError } from "./usage-error.ts";

/** Bytes that are read of a file or of standard input: what the gateway takes in one request has no more. */
const LIMIT = 16 * 1024 * 1024;

/** A value that a flag was given, and where it was found, for messages. */
export interface TypedValue {
  readonly text: string;
  readonly origin: string;
}

/** What was typed, or what `@file` or `-` (standard input) names instead. @throws {UsageError} naming the flag. */
export async function typedValue(
  flag: string,
  typed: string,
  stdin: AsyncIterable<Uint8Array | string>,
): Promise<TypedValue> {
  if (typed === "-") return { text: await readStream(flag, stdin), origin: `${flag}: standard input` };
  if (!typed.startsWith("@")) return { text: typed, origin: flag };
  const file = typed.slice(1);
  try {
    const { size } = await stat(file);
    if (size > LIMIT) throw new UsageError(`${flag}: ${file} has ${size} bytes; at most ${LIMIT} are read`);
    return { text: await readFile(file, "utf8"), origin: `${flag}: ${file}` };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${flag}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function readStream(flag: string, stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > LIMIT) throw new UsageError(`${flag}: standard input is longer than the ${LIMIT} bytes that are read`);
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString("utf8");
}
