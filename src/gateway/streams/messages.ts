import type { StdioTarget } from "../stdio-streams.ts";

/** The one line that a connection begins with. */
export type StreamRequest =
  /** The bytes of the process follow the answer, both ways. */
  | ({ readonly kind: "stdio" } & StdioTarget)
  /** Whether the place can start a process for one client; the connection ends with the answer. */
  | { readonly kind: "offers"; readonly backend: string };

export type StreamAnswer =
  | { readonly ok: true; readonly own: boolean }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** Longest line of either side. Names of backends and workloads have 253 characters at most. */
export const LINE_BYTES = 4 * 1024;

/** Undefined where the line is no request. */
export function requestIn(line: string): StreamRequest | undefined {
  const value = parsed(line);
  if (typeof value?.backend !== "string") return undefined;
  const { kind, backend, id, own } = value;
  if (kind === "offers") return { kind, backend };
  return kind === "stdio" && typeof id === "string" && typeof own === "boolean"
    ? { kind, backend, id, own }
    : undefined;
}

/** Undefined where the line is no answer. */
export function answerIn(line: string): StreamAnswer | undefined {
  const value = parsed(line);
  if (value?.ok === true) return { ok: true, own: value.own === true };
  if (value?.ok !== false || typeof value.reason !== "string" || typeof value.message !== "string") return undefined;
  return { ok: false, reason: value.reason, message: value.message };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
