import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKey } from "../../src/api/meta.ts";
import { ApprovalLog } from "../../src/audit/approval-log.ts";
import type { AuditEntry } from "../../src/audit/audit-entry.ts";
import { AUDIT_HEAD_SECRET, AUDIT_KEY_SECRET, AuditSecrets, headsIn, keysIn } from "../../src/audit/audit-secrets.ts";
import { AuditWriter } from "../../src/audit/audit-writer.ts";
import type { Known } from "../../src/audit/check-file.ts";
import { type LogReport, verifyLogs } from "../../src/audit/verify-log.ts";
import { type Clock, systemClock } from "../../src/machinery/clock.ts";
import { recordingLogger } from "./recording-logger.ts";
import { SecretClient } from "./secret-client.ts";

/** An audit log in a folder of its own, with the Secrets that it needs. */
export class AuditWorld implements AsyncDisposable {
  readonly client: SecretClient;
  readonly folder: string;
  readonly path: string;
  /** What writers said so far. */
  readonly lines: ReturnType<typeof recordingLogger>["lines"];
  readonly #logger: ReturnType<typeof recordingLogger>["logger"];

  private constructor(folder: string, client: SecretClient) {
    this.folder = folder;
    this.client = client;
    this.path = join(folder, "audit.log");
    const { logger, lines } = recordingLogger();
    this.#logger = logger;
    this.lines = lines;
  }

  static async make(client = new SecretClient()): Promise<AuditWorld> {
    return new AuditWorld(await mkdtemp(join(tmpdir(), "slipway-audit-")), client);
  }

  /** A process that writes the log; `stop` drains it. */
  start(options: { path?: string; print?: (text: string) => Promise<void>; clock?: Clock } = {}): WrittenLog {
    const { path = this.path, clock = systemClock, print } = options;
    const log = new ApprovalLog({ clock, logger: this.#logger });
    const writer = new AuditWriter({
      ...{ log, clock, logger: this.#logger, secrets: new AuditSecrets(this.client), identity: "test" },
      ...(path !== "" && { path }),
      ...(print && { print }),
    });
    const stop = new AbortController();
    const abort = new AbortController();
    const ended = writer.run(stop.signal, abort.signal);
    return {
      log,
      ended,
      abort,
      async stop() {
        stop.abort();
        await ended;
      },
    };
  }

  /** Writes these, each in a group of its own, and ends. */
  async write(...entries: readonly AuditEntry[]): Promise<void> {
    const { log, stop } = this.start();
    for (const entry of entries) {
      log.append(entry);
      await log.settled(AbortSignal.timeout(20_000));
    }
    await stop();
  }

  get known(): Known {
    const keys = keysIn(this.client.secrets.get(formatKey(AUDIT_KEY_SECRET)));
    if (!keys) throw new Error("there is no key yet");
    return { keys, heads: headsIn(this.client.secrets.get(formatKey(AUDIT_HEAD_SECRET))) };
  }

  async verify(): Promise<LogReport> {
    return await verifyLogs(this.path, this.known);
  }

  /** The lines of the log as objects. */
  async read(path = this.path): Promise<Record<string, unknown>[]> {
    const text = await readFile(path, "utf8");
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export interface WrittenLog {
  readonly log: ApprovalLog;
  readonly ended: Promise<void>;
  readonly abort: AbortController;
  stop(): Promise<void>;
}

/** An event that differs from others by its number. */
export function entry(number: number, parts: Partial<AuditEntry> = {}): AuditEntry {
  return {
    ...{ type: "Approved", at: new Date(Date.UTC(2026, 0, 1) + number * 1000), part: "controller" as const },
    ...{ who: [`sec${number}`], namespace: "team-a", reason: `reason ${number}` },
    approval: { name: `files-${number}`, uid: `u-${number}` },
    deployment: { name: "files", uid: "d-1" },
    digest: `v1:sha256:${"ab".repeat(32)}`,
    ...parts,
  };
}
