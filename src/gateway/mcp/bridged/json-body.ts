import type { IncomingMessage, ServerResponse } from "node:http";
import { BytePieces } from "../../../machinery/byte-pieces.ts";
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
  const gathered = await gather(request, { maxBytes, budget });
  if (gathered === "gone" || "failure" in gathered) return gathered;
  try {
    return { value: JSON.parse(gathered.bytes.toString()) as unknown };
  } catch {
    return { failure: { ...invalid(400, "ParseError", "the body is not JSON"), code: PARSE_ERROR } };
  }
}

type Gathered = { readonly bytes: Buffer } | { readonly failure: Failure } | "gone";

/** By events: an iterator over the request costs more than all that a small call needs besides. */
function gather(
  request: IncomingMessage,
  { maxBytes, budget }: Pick<JsonBodyOptions, "maxBytes" | "budget">,
): Promise<Gathered> {
  const { promise, resolve } = Promise.withResolvers<Gathered>();
  const body = new BytePieces();
  let taken = 0;
  const settle = (outcome: Gathered) => {
    // What more comes of it is dropped.
    request.off("data", onData).off("end", onEnd).off("close", onClose);
    budget.give(taken);
    resolve(outcome);
  };
  const onData = (chunk: Buffer) => {
    if (taken + chunk.length > maxBytes) return settle({ failure: tooLarge(maxBytes) });
    if (!budget.take(chunk.length)) return settle({ failure: NO_ROOM });
    taken += chunk.length;
    body.push(chunk);
  };
  const onEnd = () => settle({ bytes: body.take() });
  const onClose = () => settle("gone");
  if (request.destroyed) resolve("gone");
  else request.on("data", onData).on("end", onEnd).on("close", onClose);
  return promise;
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
