/** Values of a span. Never headers, bodies, environments, or messages of errors, which may quote them. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  readonly kind?: "internal" | "client" | "server";
  readonly attributes?: SpanAttributes;
  /**
   * `traceparent` and `tracestate` of whoever asked for it (W3C Trace Context); `none` begins a trace of its own. Undefined: the span
   * under way.
   */
  readonly parent?: TraceHeaders | "none";
  /** Left out where no span is under way: it would be a trace of one. */
  readonly onlyAsPart?: boolean;
}

export type TraceHeaders = Readonly<Record<"traceparent" | "tracestate", string | undefined>>;

export interface TraceSpan {
  /** Undefined where nothing is traced. */
  readonly traceId: string | undefined;
  set(attributes: SpanAttributes): void;
  /** It failed: by the kind of error, such as a reason or a class. */
  fail(type: string): void;
}

/** One whose end is somebody else's. */
export interface OpenSpan extends TraceSpan {
  /** For whoever is asked on its behalf. */
  readonly headers: Readonly<Record<string, string>>;
  end(): void;
}

/** Tells where time is spent. What it is told and where that goes the composition root decides; calls cost nothing where it goes nowhere. */
export interface Tracer {
  /** Runs `run` as a span, which fails by the error's reason where it rejects. Spans within it are its children. */
  span<R>(name: string, options: SpanOptions, run: (span: TraceSpan) => Promise<R>): Promise<R>;
  open(name: string, options: SpanOptions): OpenSpan;
}

const NO_SPAN: OpenSpan = {
  traceId: undefined,
  headers: {},
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
};

/** Traces nothing. */
export const NO_TRACES: Tracer = {
  span: (_name, _options, run) => run(NO_SPAN),
  open: () => NO_SPAN,
};

/** What kind of error it is: its reason where it has one, else its class. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return "reason" in error && typeof error.reason === "string" ? error.reason : error.name;
}
