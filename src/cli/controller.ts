import { ApprovalLog } from "../audit/approval-log.ts";
import { systemClock } from "../machinery/clock.ts";
import { AuditedAdmission } from "./audited-admission.ts";
import type { GatewayFlags } from "./gateway-options.ts";
import type { ListenAddress } from "./listen-address.ts";
import { type LoadFlags, loadOptions } from "./load-flags.ts";
import { createLogger, type LogFormat, type LogLevel } from "./logging.ts";
import { startRuntime } from "./runtime.ts";
import type { RuntimeParts } from "./runtime-parts.ts";
import { stopSignal } from "./stop-signal.ts";
import { UsageError } from "./usage-error.ts";
import type { WebhookSettings } from "./webhook.ts";

export interface ControllerOptions extends GatewayFlags, LoadFlags {
  kubeconfig?: string;
  gatewayListen: ListenAddress;
  metricsListen: ListenAddress;
  /** File of the audit log of approvals, beside standard output. */
  auditLog?: string;
  webhookListen?: ListenAddress;
  /** A folder with `tls.crt` and `tls.key`. */
  webhookCertificates?: string;
  /** Manifests that the leader applies. */
  filename?: string;
  leaseSeconds: number;
  /** Where other replicas reach this one's gateway. */
  advertiseAddress?: string;
  logFormat: LogFormat;
  logLevel: LogLevel;
}

/** Once leadership is lost: for what acts to break off, and what serves to end in order. */
const END_AFTER_LOSS_MS = 10_000;

/** `slipway controller`: the controllers against an API server that somebody else runs, until SIGTERM or SIGINT. */
export async function controller(options: ControllerOptions, parts: RuntimeParts = {}): Promise<number> {
  const logger = createLogger({ format: options.logFormat, level: options.logLevel });
  const kubeconfig = options.kubeconfig === undefined ? {} : { kubeconfigPath: options.kubeconfig };
  const log = new ApprovalLog({ clock: systemClock, logger });
  const audit = {
    log,
    admission: new AuditedAdmission({ log, clock: systemClock }),
    output: process.stdout,
    ...(options.auditLog !== undefined && { path: options.auditLog }),
  };
  const webhook = webhookOf(options);
  await using runtime = await startRuntime({
    ...{ ...options, parts, kubeconfig, audit, logger, defaults: options.filename, stop: stopSignal() },
    ...(webhook && { webhook }),
    load: loadOptions(options),
    election: { leaseMs: options.leaseSeconds * 1_000, advertiseAddress: options.advertiseAddress },
  });
  // What does not end by itself ends with the process: another leads.
  runtime.lost?.addEventListener("abort", () => setTimeout(() => process.exit(1), END_AFTER_LOSS_MS).unref());
  const { gatewayUrl, metricsUrl, webhookUrl } = runtime;
  const listeners = Object.entries({ gateway: gatewayUrl, metrics: metricsUrl, webhook: webhookUrl });
  const told = listeners.flatMap(([name, url]) => (url === undefined ? [] : [`${name} ${url}`]));
  process.stdout.write(`slipway controller listens: ${told.join(", ")}\n`);
  await runtime.ended;
  logger.info("stopping");
  return 0;
}

function webhookOf({ webhookListen, webhookCertificates }: ControllerOptions): WebhookSettings | undefined {
  if (webhookListen) return { listen: webhookListen, certificates: webhookCertificates };
  if (webhookCertificates === undefined) return undefined;
  throw new UsageError("--webhook-certificates: nothing is served with them; add --webhook-listen");
}
