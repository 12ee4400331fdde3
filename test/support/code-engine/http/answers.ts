import { randomBytes } from "node:crypto";
import { type ApiError, codeOf } from "./api-error.ts";

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

/** A resource or a list. One with `entity_tag` carries it as `ETag`, too. */
export function jsonAnswer(status: number, body: Readonly<Record<string, unknown>>): Response {
  const tag = typeof body.entity_tag === "string" ? { etag: `"${body.entity_tag}"` } : {};
  return new Response(JSON.stringify(body), { status, headers: { ...JSON_TYPE, ...tag } });
}

/** What a delete answers: the work goes on behind it. */
export function accepted(): Response {
  return new Response(null, { status: 202 });
}

export function errorAnswer(error: ApiError): Response {
  const body = { errors: error.problems, trace: newTrace(), status_code: error.status };
  return new Response(JSON.stringify(body), { status: error.status, headers: { ...JSON_TYPE, ...error.headers } });
}

/** The envelope of an error that is injected, or that is a mistake of the emulator's own. */
export function plainErrorAnswer(status: number, message: string, headers: Record<string, string> = {}): Response {
  const body = { errors: [{ code: codeOf(status), message }], trace: newTrace(), status_code: status };
  return new Response(JSON.stringify(body), { status, headers: { ...JSON_TYPE, ...headers } });
}

function newTrace(): string {
  return `codeengine-api-${randomBytes(16).toString("hex")}`;
}
