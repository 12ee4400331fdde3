import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Secret } from "../../src/api/core.ts";
import { ApprovalLog } from "../../src/audit/approval-log.ts";
import { AuditSecrets } from "../../src/audit/audit-secrets.ts";
import { AuditWriter } from "../../src/audit/audit-writer.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import type { Logger } from "../../src/machinery/logger.ts";
import { SecretClient } from "./secret-client.ts";

/**
 * Writes an audit log until it is killed: events numbered from `first` on, some at a time. Prints the number of the last one
 * each time that all up to it are on disk. Secrets are in a file, so that they outlive it.
 */
const [folder = "", first = "1"] = process.argv.slice(2);
const secretsFile = join(folder, "secrets.json");

function stored(): [string, Secret][] {
  try {
    return JSON.parse(readFileSync(secretsFile, "utf8")) as [string, Secret][];
  } catch {
    return [];
  }
}

const client = new SecretClient(stored(), (all) => {
  writeFileSync(`${secretsFile}.new`, JSON.stringify([...all]));
  renameSync(`${secretsFile}.new`, secretsFile);
});
const print = (line: string) => void process.stderr.write(`${line}\n`);
const logger: Logger = { debug: print, info: print, warn: print, error: print, child: () => logger };
const clock = systemClock;
const log = new ApprovalLog({ clock, logger });
const path = join(folder, "audit.log");
const writer = new AuditWriter({ log, clock, logger, path, secrets: new AuditSecrets(client), identity: "child" });
const never = new AbortController().signal;
void writer.run(never, never);
for (let number = Number(first); ; ) {
  // Lines of different lengths, and groups of different sizes.
  const last = number + (number % 7);
  for (; number <= last; number++) {
    const reason = "x".repeat((number * 37) % 900);
    log.append({ type: "Approved", at: clock.now(), part: "controller", who: [String(number)], reason });
  }
  await log.settled(never);
  process.stdout.write(`${last}\n`);
}
