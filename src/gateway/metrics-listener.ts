import type { Logger } from "../machinery/logger.ts";
import { type HttpListener, startHttpListener } from "./http-listener.ts";
import { SAFE_HEADERS } from "./refusal.ts";

export interface HealthListenerOptions {
  /** Port 0: any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Whether work is done now; `reasons` says what is missing. */
  readonly ready: () => { readonly ok: boolean; readonly reasons: readonly string[] };
  /** In the Prometheus text format. */
  readonly metrics: () => Promise<string>;
  readonly logger: Logger;
}

/** Serves /healthz (the process answers), /readyz (it does its work) and /metrics. @throws {Error} as the listener does. */
export function startHealthListener({ listen, logger, ...sources }: HealthListenerOptions): Promise<HttpListener> {
  return startHttpListener({ listen, logger, handler: createHealthHandler({ ...sources, logger }) });
}

export function createHealthHandler(
  options: Omit<HealthListenerOptions, "listen">,
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await answer(request, options);
    } catch (error) {
      options.logger.error("metrics or readiness could not be told", {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      return text("failed; see the log\n", 500);
    }
  };
}

async function answer(
  { url, method }: Request,
  { ready, metrics }: Pick<HealthListenerOptions, "ready" | "metrics">,
): Promise<Response> {
  if (method !== "GET" && method !== "HEAD") return text("use GET\n", 405, { allow: "GET, HEAD" });
  switch (new URL(url).pathname) {
    case "/healthz":
      return text("ok\n");
    case "/readyz": {
      const { ok, reasons } = ready();
      return ok ? text("ok\n") : text(`${["not ready", ...reasons].join("\n")}\n`, 503);
    }
    case "/metrics":
      return text(await metrics(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    default:
      return text("there are /healthz, /readyz and /metrics\n", 404);
  }
}

function text(body: string, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...SAFE_HEADERS, ...headers },
  });
}
