import { ApprovalLog } from "../audit/approval-log.ts";
import { systemClock } from "../machinery/clock.ts";
import type { GatewayFlags } from "./gateway-options.ts";
import type { ListenAddress } from "./listen-address.ts";
import { createLogger, type LogFormat, type LogLevel } from "./logging.ts";
import { startRuntime } from "./runtime.ts";
import type { RuntimeParts } from "./runtime-parts.ts";
import { stopSignal } from "./stop-signal.ts";

export interface ControllerOptions extends GatewayFlags {
  kubeconfig?: string;
  gatewayListen: ListenAddress;
  metricsListen: ListenAddress;
  /** File of the audit log of approvals, beside standard output. */
  auditLog?: string;
  logFormat: LogFormat;
  logLevel: LogLevel;
}

/** `slipway controller`: the controllers against an API server that somebody else runs, until SIGTERM or SIGINT. */
export async function controller(options: ControllerOptions, parts: RuntimeParts = {}): Promise<number> {
  const logger = createLogger({ format: options.logFormat, level: options.logLevel });
  const kubeconfig = options.kubeconfig === undefined ? {} : { kubeconfigPath: options.kubeconfig };
  const audit = {
    log: new ApprovalLog({ clock: systemClock, logger }),
    output: process.stdout,
    ...(options.auditLog !== undefined && { path: options.auditLog }),
  };
  await using runtime = await startRuntime({ ...options, parts, kubeconfig, audit, logger, stop: stopSignal() });
  process.stdout.write(`slipway controller is ready: gateway ${runtime.gatewayUrl}, metrics ${runtime.metricsUrl}\n`);
  await runtime.ended;
  logger.info("stopping");
  return 0;
}
