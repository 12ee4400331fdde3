import type { Writable } from "node:stream";
import type { ApprovalLog } from "../audit/approval-log.ts";
import { AuditSecrets } from "../audit/audit-secrets.ts";
import { AuditWriter } from "../audit/audit-writer.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Metrics } from "../machinery/metrics.ts";

/** Where the audit log of approvals goes. */
export interface AuditDestination {
  /** Absent: to no file. */
  readonly path?: string;
  /** Lines go there, too. */
  readonly output?: Writable;
}

export interface AuditServiceOptions extends AuditDestination {
  readonly log: ApprovalLog;
  readonly client: KubeClient;
  /** Of the process, for people. */
  readonly identity: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The writer of the audit log, to be run as a service, with its metrics. */
export function auditWriter({ client, output, metrics, ...options }: AuditServiceOptions): AuditWriter {
  const { log } = options;
  const one = (value: () => number) => () => [{ value: value() }];
  metrics.counterOf(
    "slipway_audit_lines_total",
    "Events that the audit log of approvals has.",
    one(() => log.totals.written),
  );
  metrics.counterOf(
    "slipway_audit_lost_total",
    "Events that it has no room for.",
    one(() => log.totals.lost),
  );
  metrics.counterOf(
    "slipway_audit_failures_total",
    "Attempts to write it that failed.",
    one(() => log.totals.failures),
  );
  metrics.gauge(
    "slipway_audit_waiting",
    "Events that wait to be written.",
    one(() => log.health.waiting),
  );
  return new AuditWriter({
    ...options,
    secrets: new AuditSecrets(client),
    ...(output && { print: (text) => printed(output, text) }),
  });
}

/** Resolves when the text was handed on: a reader that is slow makes the log wait, and nothing else. */
function printed(output: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
