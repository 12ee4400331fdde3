import { type FileHandle, open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ChainProblem } from "./chain-check.ts";
import { checkCapture, checkFile, type Known } from "./check-file.ts";

/** What is found of one chain. */
export interface ChainReport {
  readonly path: string;
  /** Undefined where the file has no line that says. */
  readonly chain: string | undefined;
  readonly lines: number;
  readonly problems: readonly ChainProblem[];
  /** For people: what is no problem. */
  readonly remarks: readonly string[];
}

/** Chains that a file should have and none has. */
export interface MissingChain {
  readonly chain: string;
  readonly lines: number;
  readonly at: string;
}

export interface LogReport {
  readonly chains: readonly ChainReport[];
  readonly missing: readonly MissingChain[];
}

/** True where nothing was changed, removed or added. */
export function isWhole({ chains, missing }: LogReport): boolean {
  return missing.length === 0 && chains.every(({ problems }) => problems.length === 0);
}

/**
 * Looks at a log and at all that lie beside it under its name and more, as those that were put aside: every chain that was ever
 * written to a file has to be in one of them. `known` is what was known before the files are read.
 */
export async function verifyLogs(path: string, known: Known): Promise<LogReport> {
  const names = (await readdir(dirname(path))).filter(
    (name) => name === basename(path) || name.startsWith(`${basename(path)}.`),
  );
  const chains: ChainReport[] = [];
  for (const name of names.sort()) chains.push(await verifyFile(join(dirname(path), name), known));
  const found = new Set(chains.map(({ chain }) => chain));
  const missing = [...known.heads.values()]
    .filter(({ chain, seq, isFile }) => isFile && seq > 0 && !found.has(chain))
    .map(({ chain, seq, at }) => ({ chain, lines: seq, at }));
  return { chains, missing };
}

/** One file has one chain. */
async function verifyFile(path: string, known: Known): Promise<ChainReport> {
  await using file = await opened(path);
  const { tip, problems, torn } = await checkFile(file.handle, known);
  const counted = tip && known.heads.get(tip.chain)?.seq;
  const remarks: string[] = [];
  if (tip && counted !== undefined && tip.seq > counted) {
    remarks.push(`${tip.seq - counted} lines at the end are not counted yet`);
  }
  if (torn !== undefined) {
    remarks.push(
      "the last line is not whole: it is being written, or its writer was killed; the next start puts it right",
    );
  }
  return { path, chain: tip?.chain, lines: tip?.seq ?? 0, problems, remarks };
}

/** Looks at the chains in what a controller printed, among other lines. Which ones it printed nobody else knows. */
export async function verifyCapture(path: string, known: Known): Promise<LogReport> {
  await using file = await opened(path);
  const checks = await checkCapture(file.handle, known);
  const chains = [...checks.values()].map(({ tip, problems }) => ({
    ...{ path, chain: tip?.chain, lines: tip?.seq ?? 0, problems },
    remarks: [],
  }));
  return { chains, missing: [] };
}

async function opened(path: string): Promise<AsyncDisposable & { readonly handle: FileHandle }> {
  const handle = await open(path, "r");
  return { handle, [Symbol.asyncDispose]: () => handle.close() };
}
