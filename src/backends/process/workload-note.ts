import type { Owner, Workload } from "../backend.ts";

/** What is kept with a process of a workload, to find it by and to tell of it. */
export interface WorkloadNote
  extends Pick<Workload, "owner" | "role" | "hash" | "generation" | "image" | "guardrails"> {
  readonly kind: "workload";
  /** Undefined: it is a server of stdio. */
  readonly port: number | undefined;
}

/** Of one more process of a workload, that belongs to one client. */
export interface ClientNote {
  readonly kind: "client";
  /** The workload's. */
  readonly id: string;
}

/** What `ProcessRecord.note` holds: this program alone writes it. Undefined where another version did. */
export function noteOf({ note }: { readonly note: unknown }): WorkloadNote | ClientNote | undefined {
  if (typeof note !== "object" || note === null || !("kind" in note)) return undefined;
  return note.kind === "workload" || note.kind === "client" ? (note as WorkloadNote | ClientNote) : undefined;
}

/** Whose workload it is; undefined where it is none. */
export function ownerOf(record: { readonly note: unknown }): Owner | undefined {
  const note = noteOf(record);
  return note?.kind === "workload" ? note.owner : undefined;
}
