import type { Logger } from "../machinery/logger.ts";
import type { GatewayAccess } from "./access.ts";
import { createHandler } from "./handler.ts";
import { type HttpListener, startHttpListener } from "./http-listener.ts";
import type { LogProvider } from "./log-provider.ts";
import type { UsageProvider } from "./usage-provider.ts";

export interface GatewayOptions {
  /** Port 0: any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Names beside the host and loopback that clients use for this gateway. */
  readonly names?: readonly string[];
  readonly logs: LogProvider;
  readonly usage: UsageProvider;
  readonly access: GatewayAccess;
  readonly logger: Logger;
}

/**
 * Starts the gateway's listener: `GET /-/namespaces/NS/runtimedeployments/NAME/log`, and `…/usage`. Closing ends the logs
 * that are followed, then waits for the rest. @throws {Error} when the address cannot be listened on.
 */
export async function startGateway(options: GatewayOptions): Promise<HttpListener> {
  const { listen, names = [], logs, usage, access, logger } = options;
  const stopping = new AbortController();
  const handler = createHandler({ logs, usage, access, logger, host: listen.host, names, stopping: stopping.signal });
  const { url, close } = await startHttpListener({ listen, handler, logger });
  return {
    url,
    close() {
      stopping.abort();
      return close();
    },
  };
}
