import type { IncomingMessage, ServerResponse } from "node:http";
import { type Failure, invalid, unavailable } from "../answers.ts";

/** What bodies take that are being read, of all clients together. */
export class BodyBudget {
  readonly #limit: number;
  #taken = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Whether there is room. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#limit) return false;
    this.#taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}

export interface JsonBodyOptions {
  readonly maxBytes: number;
  readonly budget: BodyBudget;
  /** As the client says it; undefined where it says none. */
  readonly length: number | undefined;
}

/** What is wrong with a body is no JSON-RPC yet, so it is told under no id. `gone`: the client left. */
export type JsonBody = { readonly value: unknown } | { readonly failure: Failure } | "gone";

const PARSE_ERROR = -32700;

/** Gathers the body of a request and reads it. Never throws. */
export async function readJsonBody(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBytes, budget, length }: JsonBodyOptions,
): Promise<JsonBody> {
  if (!isJson(request.headers["content-type"])) {
    return { failure: invalid(415, "UnsupportedMediaType", "the body's content type must be application/json") };
  }
  if (length !== undefined && length > maxBytes) return { failure: tooLarge(maxBytes) };
  // Only now: of a request that is refused the body is not sent.
  if (request.headers.expect !== undefined) response.writeContinue();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (bytes + chunk.length > maxBytes) return { failure: tooLarge(maxBytes) };
      if (!budget.take(chunk.length)) return { failure: NO_ROOM };
      bytes += chunk.length;
      chunks.push(chunk);
    }
    return { value: JSON.parse(Buffer.concat(chunks, bytes).toString()) as unknown };
  } catch (error) {
    if (!(error instanceof SyntaxError)) return "gone";
    return { failure: { ...invalid(400, "ParseError", "the body is not JSON"), code: PARSE_ERROR } };
  } finally {
    budget.give(bytes);
  }
}

function isJson(contentType: string | undefined): boolean {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() === "application/json";
}

function tooLarge(limit: number): Failure {
  return invalid(413, "RequestTooLarge", `the body is larger than ${limit} bytes`, { connection: "close" });
}

const NO_ROOM = {
  ...unavailable(503, "Busy", "the gateway reads as many large requests as it can", 1),
  headers: { connection: "close", "retry-after": "1" },
};
