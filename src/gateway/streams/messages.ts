import type { LentPipes } from "../../backends/stdio-stream.ts";
import type { StdioTarget } from "../stdio-streams.ts";

/** The one line that a connection begins with. */
export type StreamRequest =
  /**
   * The bytes of the process follow the answer, both ways, in lines; to the data path come empty ones, too, which say nothing. Or the
   * answer names pipes where they are to be had. Then a byte of who lends them means that the input is to end; one of who has them,
   * whether the input is within a line (`InputMark`); and the end of the connection, from either side, that the pipes are given back.
   */
  | ({ readonly kind: "stdio" } & StdioTarget)
  /** Whether the place can start a process for one client; the connection ends with the answer. */
  | { readonly kind: "offers"; readonly backend: string };

export type StreamAnswer =
  | { readonly ok: true; readonly own: boolean; readonly pipes?: LentPipes | undefined }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** What the input of lent pipes may be at, by what stands last there: only the last that was said counts. */
export const InputMark = { withinLine: "{", lineEnd: "\n" } as const;

/** Longest line of either side. Names of backends and workloads have 253 characters at most, and a path 4,096 bytes (PATH_MAX). */
export const LINE_BYTES = 16 * 1024;

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
  if (value?.ok === true) return { ok: true, own: value.own === true, pipes: pipesIn(value.pipes) };
  if (value?.ok !== false || typeof value.reason !== "string" || typeof value.message !== "string") return undefined;
  return { ok: false, reason: value.reason, message: value.message };
}

function pipesIn(value: unknown): LentPipes | undefined {
  const { stdin, stdout, isTorn } = (value ?? {}) as Partial<Record<keyof LentPipes, unknown>>;
  if (typeof stdin !== "string" || typeof stdout !== "string") return undefined;
  return { stdin, stdout, isTorn: isTorn === true };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
