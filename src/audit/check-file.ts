import type { FileHandle } from "node:fs/promises";
import { type ChainTip, parseLine } from "./audit-line.ts";
import type { AuditKeys, ChainHead } from "./audit-secrets.ts";
import { ChainCheck, type ChainProblem } from "./chain-check.ts";
import { linesOf } from "./read-lines.ts";

/** What a file of one chain is found to be. */
export interface FileFindings {
  /** Undefined in an empty file. */
  readonly tip: ChainTip | undefined;
  readonly problems: readonly ChainProblem[];
  /** Bytes up to the last line end. */
  readonly bytes: number;
  /** What stands behind it: a line that was begun. Undefined where there is nothing. */
  readonly torn: string | undefined;
}

/** What the lines are judged by. */
export interface Known {
  readonly keys: AuditKeys;
  readonly heads: ReadonlyMap<string, ChainHead>;
}

/** Reads a whole log. @throws what the file system says. */
export async function checkFile(file: FileHandle, { keys, heads }: Known): Promise<FileFindings> {
  const check = new ChainCheck(keys, (chain) => heads.get(chain));
  let bytes = 0;
  let torn: string | undefined;
  for await (const { text, offset, isComplete } of linesOf(file)) {
    if (isComplete) {
      check.add(text);
      bytes = offset + Buffer.byteLength(text) + 1;
    } else torn = text;
  }
  check.end();
  return { tip: check.tip, problems: check.problems, bytes, torn };
}

/** The same of what a program printed, where lines of several chains stand among others. */
export async function checkCapture(file: FileHandle, { keys, heads }: Known): Promise<ReadonlyMap<string, ChainCheck>> {
  const checks = new Map<string, ChainCheck>();
  let number = 0;
  for await (const { text } of linesOf(file)) {
    number += 1;
    const chain = parseLine(text)?.chain;
    if (chain === undefined) continue;
    const check = checks.get(chain) ?? new ChainCheck(keys, (name) => heads.get(name));
    checks.set(chain, check);
    check.add(text, number);
  }
  for (const check of checks.values()) check.end();
  return checks;
}
