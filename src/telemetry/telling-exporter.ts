import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { correlated } from "../machinery/correlation.ts";
import type { Logger } from "../machinery/logger.ts";

type Done = Parameters<SpanExporter["export"]>[1];

/** As @opentelemetry/core's ExportResultCode, which is not worth an import. */
const SUCCESS = 0;
const FAILED = 1;

/** Says once for each outage that traces are lost, and that they go on. Does not try again at the end what did not work before. */
export class TellingExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #logger: Logger;
  readonly #endpoint: string;
  #isOut = false;
  #isEnding = false;

  constructor(inner: SpanExporter, { logger, endpoint }: { readonly logger: Logger; readonly endpoint: string }) {
    this.#inner = inner;
    this.#logger = logger;
    this.#endpoint = endpoint;
  }

  export(spans: ReadableSpan[], done: Done): void {
    if (this.#isEnding && this.#isOut) {
      done({ code: FAILED });
      return;
    }
    this.#inner.export(spans, (result) => {
      this.#told(result.code === SUCCESS, result.error);
      done(result);
    });
  }

  /** What is exported from now on is the last. */
  ending(): void {
    this.#isEnding = true;
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  #told(works: boolean, error: Error | undefined): void {
    if (works === !this.#isOut) return;
    this.#isOut = !works;
    const fields = { endpoint: this.#endpoint, ...(!works && { error: codeOf(error) }) };
    // It concerns everybody, not the work that happened to fill the batch.
    correlated({}, () => {
      if (works) this.#logger.info("traces are exported again", fields);
      else this.#logger.warn("traces cannot be exported and are dropped until they can", fields);
    });
  }
}

/** Not its message, which may quote an answer. */
function codeOf(error: Error | undefined): string {
  const code = error && "code" in error ? error.code : undefined;
  return code === undefined ? (error?.name ?? "unknown") : String(code);
}
