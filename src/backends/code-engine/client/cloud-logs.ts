import { createParser } from "eventsource-parser";
import type { CallBudget } from "./call-budget.ts";
import { CodeEngineError } from "./errors.ts";
import type { Redactor } from "./redactor.ts";
import { type LogRecord, logEvent } from "./resources/log-records.ts";
import { ShapeError } from "./shape.ts";
import type { Call, CallOptions, Transport } from "./transport.ts";

/** What the service allows a query: 12,000 records of the frequent search, 50,000 of the archive. */
export const MAX_RECORDS = { frequent_search: 12_000, archive: 50_000 } as const;

/** One event holds many records. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

export interface LogQuery {
  /** In Lucene's syntax; see `appLogQuery`. */
  readonly query: string;
  readonly start: Date;
  readonly end: Date;
  readonly tier?: keyof typeof MAX_RECORDS;
  /** The most that the service allows where it is missing. */
  readonly limit?: number;
}

/** What one application wrote, or one of its revisions. */
export function appLogQuery(names: { projectId: string; app: string; revision?: string }): string {
  const { projectId, app, revision } = names;
  return `${projectLogQuery(projectId)} AND ${terms([
    ["codeengine.component", app],
    ["codeengine.subcomponent", revision],
  ])}`;
}

/** What anything in a project wrote. */
export function projectLogQuery(projectId: string): string {
  return terms([
    ["app", "codeengine"],
    ["codeengine.projectGuid", projectId],
  ]);
}

function terms(conditions: readonly (readonly [field: string, value: string | undefined])[]): string {
  return conditions
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => `${field}:${quoted(value ?? "")}`)
    .join(" AND ");
}

function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

export interface CloudLogsOptions {
  readonly transport: Transport;
  readonly redactor: Redactor;
  readonly logs: string;
  readonly budget: CallBudget;
}

/**
 * History from an IBM Cloud Logs instance to which somebody routes the platform's logs. It lags five to ten minutes
 * behind and allows ten queries a minute.
 */
export class CloudLogs {
  readonly #options: CloudLogsOptions;

  constructor(options: CloudLogsOptions) {
    this.#options = options;
  }

  /**
   * Records in the order in which the service sends them. `onWarning` hears what it says of an answer that is not whole.
   * @throws {CodeEngineError}; the reason of the signal.
   */
  async *query(
    query: LogQuery,
    options: CallOptions & { readonly onWarning?: (message: string) => void },
  ): AsyncGenerator<LogRecord, void, undefined> {
    const { transport, redactor } = this.#options;
    const call = this.#call(query);
    const stream = await transport.open(call, options);
    try {
      for await (const data of eventData(stream)) {
        const event = logEvent(JSON.parse(data), "");
        if (event.error) throw failed(call, redactor.redact(event.error));
        if (event.warning) options.onWarning?.(redactor.redact(event.warning));
        yield* event.records;
      }
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof SyntaxError || error instanceof ShapeError || error instanceof RangeError)
        throw failed(call, "its answer makes no sense");
      throw transport.explain(call, error);
    }
  }

  #call({ query, start, end, tier = "frequent_search", limit = MAX_RECORDS[tier] }: LogQuery): Call {
    const metadata = {
      start_date: start.toISOString(),
      end_date: end.toISOString(),
      tier,
      syntax: "lucene",
      limit: Math.min(limit, MAX_RECORDS[tier]),
    };
    const { logs, budget } = this.#options;
    const headers = { Accept: "text/event-stream", "Accept-Encoding": "identity" };
    return {
      service: "IBM Cloud Logs",
      operation: "query the history",
      ...{ method: "POST", base: logs, path: ["v1", "query"], headers, budget },
      body: { query, metadata },
    };
  }
}

/** The data of each event; comments, such as the ones that keep a connection open, are none. */
async function* eventData(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  let events: string[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT_LENGTH,
    onEvent: ({ data }) => events.push(data),
    onError: ({ type }) => {
      if (type === "max-buffer-size-exceeded") throw new RangeError("an event without end");
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    const ready = events;
    events = [];
    for (const data of ready) if (data !== "") yield data;
  }
}

function failed({ service, operation }: Call, said: string): CodeEngineError {
  return new CodeEngineError({ kind: "terminal", service, operation, said });
}
