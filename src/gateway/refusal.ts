import type { StatusFailure } from "../api/meta.ts";

/** An answer that is no success. Travels as a Kubernetes Status, which every client of the API can read. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, reason: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.headers = headers;
  }

  toResponse(): Response {
    const { code, reason, message, headers } = this;
    const status: StatusFailure = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      code,
    };
    return Response.json(status, { status: code, headers: { ...SAFE_HEADERS, ...headers } });
  }
}

/** On every answer: it is for this client alone, and is what it says it is. */
export const SAFE_HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/** `name`: what was wrong in the request, `value`: what it was, `remedy`: what to write. */
export function badRequest(name: string, value: string, remedy: string): Refusal {
  return new Refusal(400, "BadRequest", `${name}: ${JSON.stringify(value.slice(0, 256))} ${remedy}`);
}
