import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  isSpanContextValid,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Logger } from "../machinery/logger.ts";
import {
  errorType,
  NO_TRACES,
  type OpenSpan,
  type SpanOptions,
  type Tracer,
  type TraceSpan,
} from "../machinery/tracer.ts";
import { samplerOf } from "./sampler.ts";
import { TellingExporter } from "./telling-exporter.ts";

export interface OtlpTracerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Without credentials, for the log. */
  readonly endpoint: string;
  /** Which part of Slipway: threads export for themselves. */
  readonly part: string;
  readonly logger: Logger;
}

/** Spans that wait to be sent; what comes beyond is dropped. OpenTelemetry's defaults. */
const QUEUE = { maxQueueSize: 2_048, maxExportBatchSize: 512, exportTimeoutMillis: 30_000 };
const FLUSH_EVERY_MS = 5_000;
/** One export with its repetitions, and the whole end. Short, since the end of the process waits for both. */
const EXPORT_TIMEOUT_MS = 3_000;
const END_TIMEOUT_MS = 3_000;
const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT, server: SpanKind.SERVER };

const propagator = new W3CTraceContextPropagator();

/** Exports spans by OTLP over HTTP, in batches. Sets nothing global: other users of OpenTelemetry in this process are not touched. */
export class OtlpTracer implements Tracer, AsyncDisposable {
  readonly #provider: TracerProvider;
  readonly #exporter: TellingExporter;
  readonly #tracer: OtelTracer;
  readonly #active = new AsyncLocalStorage<Context>();

  constructor({ env, endpoint, part, logger }: OtlpTracerOptions) {
    const { sampler, problem } = samplerOf(env);
    if (problem !== undefined) logger.warn(problem);
    const timeout = env.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? env.OTEL_EXPORTER_OTLP_TIMEOUT;
    const exporter = new OTLPTraceExporter(timeout === undefined ? { timeoutMillis: EXPORT_TIMEOUT_MS } : {});
    this.#exporter = new TellingExporter(exporter, { logger, endpoint });
    const own = { "service.name": "slipway", "service.instance.id": randomUUID(), "slipway.part": part };
    this.#provider = new TracerProvider({
      sampler,
      // No detector of the process: its arguments are nobody's business.
      resource: defaultResource()
        .merge(resourceFromAttributes(own))
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [
        new BatchSpanProcessor({ exporter: this.#exporter, scheduledDelayMillis: FLUSH_EVERY_MS, ...QUEUE }),
      ],
    });
    this.#tracer = this.#provider.getTracer("slipway");
  }

  async span<R>(name: string, options: SpanOptions, run: (span: TraceSpan) => Promise<R>): Promise<R> {
    const context = this.#contextOf(options);
    if (options.onlyAsPart && !isSampled(context)) return NO_TRACES.span(name, options, run);
    const span = this.#start(name, options, context);
    const told = viewOf(span);
    try {
      return await this.#active.run(trace.setSpan(context, span), () => run(told));
    } catch (error) {
      told.fail(errorType(error));
      throw error;
    } finally {
      span.end();
    }
  }

  open(name: string, options: SpanOptions): OpenSpan {
    const context = this.#contextOf(options);
    const span = this.#start(name, options, context);
    const headers: Record<string, string> = {};
    propagator.inject(trace.setSpan(context, span), headers, defaultTextMapSetter);
    return { ...viewOf(span), headers, end: () => span.end() };
  }

  /** Sends what waits, for a while. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#exporter.ending();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), END_TIMEOUT_MS);
    // What fails was told by the exporter.
    const ended = this.#provider.shutdown().catch(() => undefined);
    await Promise.race([ended, late.promise]);
    clearTimeout(timer);
  }

  #contextOf({ parent }: SpanOptions): Context {
    if (parent === "none") return ROOT_CONTEXT;
    if (parent === undefined) return this.#active.getStore() ?? ROOT_CONTEXT;
    return propagator.extract(ROOT_CONTEXT, parent, defaultTextMapGetter);
  }

  #start(name: string, { kind = "internal", attributes = {} }: SpanOptions, context: Context): Span {
    return this.#tracer.startSpan(name, { kind: KINDS[kind], attributes: { ...attributes } }, context);
  }
}

function isSampled(context: Context): boolean {
  const spanContext = trace.getSpanContext(context);
  return spanContext !== undefined && (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0;
}

function viewOf(span: Span): TraceSpan {
  const context = span.spanContext();
  // What is not exported nobody finds by its id.
  const isFound = isSpanContextValid(context) && span.isRecording();
  return {
    traceId: isFound ? context.traceId : undefined,
    set: (attributes) => void span.setAttributes({ ...attributes }),
    fail(type) {
      span.setAttribute("error.type", type);
      span.setStatus({ code: SpanStatusCode.ERROR });
    },
  };
}
