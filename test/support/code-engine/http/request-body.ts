import { isJsonObject } from "../../../../src/machinery/json-equal.ts";
import type { JsonObject } from "../fields/field.ts";
import { ApiError, apiError } from "./api-error.ts";
import type { Method } from "./route.ts";
import { ConnectionReset } from "./surface.ts";

/** The emulator's own bound; IBM publishes none for the whole body. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

const MEDIA_TYPES: Partial<Record<Method, string>> = {
  POST: "application/json",
  PUT: "application/json",
  PATCH: "application/merge-patch+json",
};

/** @throws {ApiError} 415 unless it is the type that this method takes. */
export function checkMediaType(method: Method, headers: Headers): void {
  const wanted = MEDIA_TYPES[method];
  if (wanted === undefined) return;
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").split(";").map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.toLowerCase().startsWith("charset="));
  const utf8 = charset === undefined || /^charset="?utf-8"?$/i.test(charset);
  if (type.toLowerCase() === wanted && utf8) return;
  throw apiError(415, `The media type must be ${wanted}, in UTF-8.`, { type: "header", name: "Content-Type" });
}

/** @throws {ApiError} 413 where the header says so already. */
export function checkLength(headers: Headers): void {
  if (Number(headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge();
}

/** @throws {ApiError} 413, or 400 for what is no JSON object in UTF-8 */
export async function readBody(request: Request, method: Method): Promise<JsonObject> {
  if (MEDIA_TYPES[method] === undefined) return {};
  const bytes = await limitedBytes(request);
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isJsonObject(value)) return { ...value };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw apiError(400, `The body is not valid JSON: ${error.message}`);
  }
  throw apiError(400, "The body must be a JSON object.");
}

async function limitedBytes(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    // The client went in the middle: there is nobody to answer.
    throw error instanceof ApiError ? error : new ConnectionReset();
  }
  return Buffer.concat(chunks);
}

function tooLarge(): ApiError {
  return apiError(413, `The body is larger than ${MAX_BODY_BYTES} bytes.`);
}
