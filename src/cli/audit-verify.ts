import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { type Secret, secrets } from "../api/core.ts";
import { formatKey, type ObjectKey } from "../api/meta.ts";
import { AUDIT_HEAD_SECRET, AUDIT_KEY_SECRET, headsIn, keysIn } from "../audit/audit-secrets.ts";
import type { Known } from "../audit/check-file.ts";
import {
  type ChainReport,
  isWhole,
  type LogReport,
  type MissingChain,
  verifyCapture,
  verifyLogs,
} from "../audit/verify-log.ts";
import { isReason } from "../machinery/client.ts";
import { createKubeClient } from "../machinery/http-kube-client.ts";
import { readStored } from "../server/storage/read-stored.ts";
import { type CommandContext, write } from "./command-context.ts";
import { UsageError } from "./usage-error.ts";

/** The log of approvals in the data directory of `slipway up`. */
export const AUDIT_LOG = "audit.log";

export interface AuditVerifyOptions {
  /** Of `slipway up`, whether it runs or not. */
  readonly dataDir?: string;
  /** Of `slipway controller --audit-log`. */
  readonly file?: string;
  /** `file` is what a controller printed, other lines included. */
  readonly captured?: boolean;
  readonly kubeconfig?: string;
}

/**
 * `slipway audit verify`: whether a log of approvals is what was written. Answers the exit code: 1 where it is not.
 * @throws {UsageError} where it is not said which log.
 */
export async function verifyAudit(options: AuditVerifyOptions, context: CommandContext): Promise<number> {
  const { dataDir, file, captured = false } = options;
  if ((dataDir === undefined) === (file === undefined)) {
    throw new UsageError("name the log: --data-dir DIR of slipway up, or --file FILE of a controller");
  }
  if (captured && file === undefined) throw new UsageError("--captured: only with --file");
  // What is counted is read before what it counts, which may go on growing.
  const found = dataDir === undefined ? await fromApi(options, context) : fromStore(dataDir);
  if (dataDir !== undefined && !found.key && !found.head && !existsSync(join(dataDir, AUDIT_LOG))) {
    await write(context, "nothing was logged yet\n");
    return 0;
  }
  const report = await reportOn(options, knownFrom(found));
  await write(context, told(report));
  return isWhole(report) ? 0 : 1;
}

/** A report, and chains that files of other replicas have: which of them wrote which file only its administrator knows. */
interface Findings extends LogReport {
  readonly elsewhere: readonly MissingChain[];
}

async function reportOn({ dataDir, file = "", captured }: AuditVerifyOptions, known: Known): Promise<Findings> {
  if (dataDir !== undefined) return { ...(await verifyLogs(join(dataDir, AUDIT_LOG), known)), elsewhere: [] };
  if (!existsSync(file)) throw new UsageError(`--file: ${file} is not there`);
  if (captured) return { ...(await verifyCapture(file, known)), elsewhere: [] };
  const { chains, missing } = await verifyLogs(file, known);
  return { chains, missing: [], elsewhere: missing };
}

interface AuditSecretObjects {
  readonly key: Pick<Secret, "data"> | undefined;
  readonly head: Pick<Secret, "data"> | undefined;
}

function fromStore(dataDir: string): AuditSecretObjects {
  const find = (key: ObjectKey) => readStored(dataDir, secrets.plural, formatKey(key)) as Secret | undefined;
  return { key: find(AUDIT_KEY_SECRET), head: find(AUDIT_HEAD_SECRET) };
}

async function fromApi({ kubeconfig }: AuditVerifyOptions, { signal }: CommandContext): Promise<AuditSecretObjects> {
  await using client = await createKubeClient({
    ...(kubeconfig !== undefined && { kubeconfigPath: kubeconfig }),
    userAgent: "slipway-audit",
  });
  const find = (key: ObjectKey) =>
    client.get(secrets, key, signal).catch((error: unknown) => {
      if (!isReason(error, "NotFound")) throw error;
      return undefined;
    });
  return { key: await find(AUDIT_KEY_SECRET), head: await find(AUDIT_HEAD_SECRET) };
}

function knownFrom({ key, head }: AuditSecretObjects): Known {
  const keys = keysIn(key);
  if (keys) return { keys, heads: headsIn(head) };
  const name = formatKey(AUDIT_KEY_SECRET);
  throw new Error(
    key
      ? `Secret ${name} has no key: nothing can be verified`
      : `there is no Secret ${name}: nothing was ever logged, or it was removed`,
  );
}

function told({ chains, missing, elsewhere }: Findings): string {
  const lines = chains.flatMap(chainLines);
  for (const { chain, lines: count, at } of missing) {
    lines.push(`MISSING: chain ${chain}, ${count} lines, the last at ${at}: no file has it`);
  }
  for (const { chain, lines: count, at } of elsewhere) {
    lines.push(`chain ${chain}, ${count} lines, the last at ${at}, has to be in another replica's file`);
  }
  if (lines.length === 0) lines.push("nothing was logged yet");
  return `${lines.join("\n")}\n`;
}

function chainLines({ path, chain, lines, problems, remarks }: ChainReport): string[] {
  const name = `${basename(path)}${chain === undefined ? "" : `, chain ${chain}`}`;
  return [
    `${name}: ${problems.length === 0 ? `${lines} lines, whole` : "NOT WHOLE"}`,
    ...problems.map(({ line, message }) => `  ${line === undefined ? "" : `line ${line} `}${message}`),
    ...remarks.map((remark) => `  ${remark}`),
  ];
}
