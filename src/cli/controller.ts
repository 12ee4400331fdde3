import type { GatewayFlags } from "./gateway-options.ts";
import type { ListenAddress } from "./listen-address.ts";
import { createLogger, type LogFormat, type LogLevel } from "./logging.ts";
import { startRuntime } from "./runtime.ts";
import { stopSignal } from "./stop-signal.ts";

export interface ControllerOptions extends GatewayFlags {
  kubeconfig?: string;
  gatewayListen: ListenAddress;
  metricsListen: ListenAddress;
  logFormat: LogFormat;
  logLevel: LogLevel;
}

/** `slipway controller`: the controllers against an API server that somebody else runs, until SIGTERM or SIGINT. */
export async function controller(options: ControllerOptions): Promise<number> {
  const logger = createLogger({ format: options.logFormat, level: options.logLevel });
  const kubeconfig = options.kubeconfig === undefined ? {} : { kubeconfigPath: options.kubeconfig };
  await using runtime = await startRuntime({ ...options, kubeconfig, logger, stop: stopSignal() });
  process.stdout.write(`slipway controller is ready: gateway ${runtime.gatewayUrl}, metrics ${runtime.metricsUrl}\n`);
  await runtime.ended;
  logger.info("stopping");
  return 0;
}
