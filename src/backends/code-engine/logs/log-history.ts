import { ConditionType } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import type { Logger } from "../../../machinery/logger.ts";
import type { Aspect } from "../../backend.ts";
import { appLogQuery, type CloudLogs, MAX_RECORDS, projectLogQuery } from "../client/cloud-logs.ts";
import { withDeadline } from "../client/deadline.ts";
import { CodeEngineError, isFailure } from "../client/errors.ts";
import type { LogRecord } from "../client/resources/log-records.ts";
import { OptionalService } from "../optional-service.ts";
import type { LogLine } from "./log-line.ts";

/** The service gives so many lines to one query. */
export const MOST_LINES = MAX_RECORDS.frequent_search;
/** The longest span that it searches. */
const SPAN_MS = 8 * 24 * 3_600_000;
/** A span with more lines than one query gives is narrowed to its newest part, so many times. */
const NARROWER = 8;
const MOST_QUERIES = 4;
/** Looked through to see whether it answers. */
const CHECKED_MS = 900_000;
/** Who reads a log waits no longer for what is not even live. */
const PATIENCE_MS = 15_000;

const NOT_CONFIGURED =
  "logs end with their instance; name an instance of IBM Cloud Logs in spec.codeEngine.logsInstanceId to keep them";

export interface HistoryRequest {
  readonly projectId: string;
  readonly app: string;
  /** Instances whose lines from that time on (milliseconds since 1970) are known from elsewhere. */
  readonly known: ReadonlyMap<string, number>;
  /** Lines from the end; more may be answered. */
  readonly wanted: number;
}

export interface LogHistoryParts {
  /** Undefined: no instance of IBM Cloud Logs is named. */
  readonly logs: Pick<CloudLogs, "query"> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What instances have written that are no more, from IBM Cloud Logs. Live logs work without it. */
export class LogHistory {
  readonly #parts: LogHistoryParts;
  readonly #service: OptionalService;

  constructor(parts: LogHistoryParts) {
    this.#parts = parts;
    const { logs, clock, logger } = parts;
    const type = ConditionType.LogHistoryAvailable;
    const without = "logs are shown without their history";
    this.#service = new OptionalService({
      ...{ type, without, remedyOf, clock, logger },
      notConfigured: logs ? undefined : NOT_CONFIGURED,
    });
  }

  get configured(): boolean {
    return this.#parts.logs !== undefined;
  }

  /** Undefined before the first query. */
  get aspect(): Aspect | undefined {
    return this.#service.aspect;
  }

  /** By time. Without what cannot be had now, which the log and the condition say. @throws only the reason of `signal`. */
  async lines(request: HistoryRequest, signal: AbortSignal): Promise<readonly LogLine[]> {
    const { logs } = this.#parts;
    if (!logs || this.#service.isDoubted) return [];
    const answers: LogLine[][] = [];
    await this.#use((until) => this.#search(logs, { request, answers }, until), signal);
    return joined(answers, request.wanted);
  }

  /** Finds out whether it answers, by one small query, unless that is known. @throws only the reason of `signal`. */
  async check(projectId: string, signal: AbortSignal): Promise<void> {
    const { logs, clock } = this.#parts;
    if (!logs || this.#service.aspect) return;
    const end = clock.now();
    const query = { query: projectLogQuery(projectId), start: new Date(end.getTime() - CHECKED_MS), end, limit: 1 };
    await this.#use(async (until) => {
      for await (const _ of logs.query(query, { signal: until, timeoutMs: PATIENCE_MS })) break;
    }, signal);
  }

  async #use(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    try {
      await withDeadline(work, { clock, signal, timeoutMs: PATIENCE_MS, onTimeout: tookTooLong });
      this.#service.worked("IBM Cloud Logs answered the last query");
    } catch (error) {
      this.#service.failed(error, signal);
    }
  }

  /** Adds an answer to `answers` as it comes: those before a failure are of use. Each is newer than the one before it. */
  async #search(
    logs: Pick<CloudLogs, "query">,
    { request, answers }: { readonly request: HistoryRequest; readonly answers: LogLine[][] },
    signal: AbortSignal,
  ): Promise<void> {
    const end = this.#parts.clock.now();
    for (let queries = 1, spanMs = SPAN_MS; queries <= MOST_QUERIES; queries += 1, spanMs /= NARROWER) {
      const start = new Date(end.getTime() - spanMs);
      const { lines, whole } = await this.#query(logs, { ...request, start, end }, signal);
      answers.push(lines);
      // Which lines are missing of an answer that is not whole is not documented: a narrower span has the newest.
      if (whole) return;
    }
  }

  async #query(
    logs: Pick<CloudLogs, "query">,
    { projectId, app, known, start, end }: HistoryRequest & { start: Date; end: Date },
    signal: AbortSignal,
  ): Promise<{ readonly lines: LogLine[]; readonly whole: boolean }> {
    const lines: LogLine[] = [];
    let whole = true;
    let records = 0;
    const options = { signal, timeoutMs: PATIENCE_MS, onWarning: () => (whole = false) };
    for await (const record of logs.query({ query: appLogQuery({ projectId, app }), start, end }, options)) {
      records += 1;
      const line = lineOf(record);
      if (line && line.at < (known.get(record.pod ?? "") ?? Number.POSITIVE_INFINITY)) lines.push(line);
    }
    return { lines: lines.sort((a, b) => a.at - b.at), whole: whole && records < MOST_LINES };
  }
}

/** The lines of the narrowest answer, and before them what wider ones know beyond it. */
function joined(answers: readonly LogLine[][], wanted: number): readonly LogLine[] {
  let lines: LogLine[] = [];
  for (const wider of answers.toReversed()) {
    const [oldest] = lines;
    lines = [...wider.filter(({ at }) => !oldest || at < oldest.at), ...lines];
    if (lines.length >= wanted) break;
  }
  return lines;
}

/** Undefined where no time is told, since its place is not known then. */
function lineOf({ time, text }: LogRecord): LogLine | undefined {
  // Times without a zone are in UTC.
  const at = time === undefined ? Number.NaN : Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(time) ? time : `${time}Z`);
  if (Number.isNaN(at)) return undefined;
  return { at, stamp: new Date(at).toISOString(), text: text.replace(/\r?\n$/, "") };
}

function tookTooLong(): CodeEngineError {
  const said = `no answer within ${PATIENCE_MS / 1_000} s; it allows ten queries a minute`;
  return new CodeEngineError({ kind: "transient", service: "IBM Cloud Logs", operation: "query the history", said });
}

function remedyOf(error: CodeEngineError): string {
  if (isFailure(error, "throttled", "transient")) return "live logs go on, and the next reader tries it again";
  return "live logs go on; check spec.codeEngine.logsInstanceId, and that the API key's owner has the role Reader there";
}
