import type { Logger } from "../machinery/logger.ts";
import { errorType, type Tracer } from "../machinery/tracer.ts";

export interface TracingOptions {
  /** `controllers` or `gateway`: each thread exports for itself. */
  readonly part: string;
  readonly logger: Logger;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Traces to where OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT says, by OTLP over HTTP with JSON; other variables
 * of OpenTelemetry's that concern the exporter, the sampler and the resource hold too. Undefined, and nothing is loaded, where
 * neither is set or OTEL_SDK_DISABLED is `true`. Dispose it to send what waits.
 */
export async function startTracing({
  part,
  logger,
  env = process.env,
}: TracingOptions): Promise<(Tracer & AsyncDisposable) | undefined> {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === "none")
    return undefined;
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? "http/json";
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    logger.warn("nothing is traced: the endpoint of OTEL_EXPORTER_OTLP_ENDPOINT is no http or https URL");
    return undefined;
  }
  if (protocol === "grpc") {
    logger.warn("nothing is traced: OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and only OTLP over HTTP is spoken");
    return undefined;
  }
  try {
    const { OtlpTracer } = await import("./otlp-tracer.ts");
    // Who put credentials into it does not want them in a log.
    return new OtlpTracer({ env, part, logger, endpoint: new URL(endpoint).origin });
  } catch (error) {
    // Whatever the SDK makes of its variables, Slipway does its work.
    logger.warn("nothing is traced: OpenTelemetry's SDK cannot be started", { error: errorType(error) });
    return undefined;
  }
}
