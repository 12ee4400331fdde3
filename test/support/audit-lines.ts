import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Installation } from "./installation.ts";

/** A line of the audit log, as far as tests look at it. */
export interface AuditLine {
  readonly type: string;
  readonly who: readonly string[];
  readonly part: string;
  readonly from?: string;
  readonly digest?: string;
  readonly reason?: string;
  readonly object?: { readonly kind: string; readonly name: string };
  readonly approval?: { readonly name: string };
}

/** What `DIR/audit.log` of a `slipway up` says, in order; a line that is being written is left out. */
export function auditLines({ process }: Installation): AuditLine[] {
  const file = join(process.dataDir, "audit.log");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as AuditLine);
}

/** What somebody tried and was refused. */
export function refusalsOf(slipway: Installation, who: string): AuditLine[] {
  return auditLines(slipway).filter((line) => line.type === "Refused" && line.who.includes(who));
}
