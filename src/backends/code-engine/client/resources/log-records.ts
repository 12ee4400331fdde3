import { fromJson } from "../json-text.ts";
import { type Decoder, listOrEmpty, object, optional, string } from "../shape.ts";

/** One line of history. */
export interface LogRecord {
  /** As the service writes it. */
  readonly time: string | undefined;
  readonly text: string;
  readonly level: string | undefined;
  readonly stream: string | undefined;
  readonly pod: string | undefined;
  readonly revision: string | undefined;
}

const pair = object({ key: string, value: string });
const record = object({ metadata: listOrEmpty(pair), labels: listOrEmpty(pair), user_data: string });

const event = object({
  result: optional(object({ results: listOrEmpty(record) })),
  warning: optional((value: unknown) => value),
  error: optional(object({ message: optional(string) })),
});

export interface LogEvent {
  readonly records: readonly LogRecord[];
  readonly warning: string | undefined;
  readonly error: string | undefined;
}

/** One event of an answer: its query's id, some records, a warning, or the error that ends it. */
export const logEvent: Decoder<LogEvent> = (value, path) => {
  const { result, warning, error } = event(value, path);
  return {
    records: (result?.results ?? []).map(({ metadata, user_data }) => toRecord(metadata, user_data)),
    warning: warning === undefined ? undefined : JSON.stringify(warning),
    error: error && (error.message ?? "it gave no reason"),
  };
};

function toRecord(metadata: readonly { key: string; value: string }[], userData: string): LogRecord {
  const meta = new Map(metadata.map(({ key, value }) => [key, value]));
  // What a program wrote need not be JSON, though the platform wraps it.
  const data = fromJson(userData);
  return {
    time: meta.get("timestamp"),
    text: at(data, "message", "message") ?? at(data, "message") ?? userData,
    level: at(data, "level") ?? at(data, "message", "level"),
    stream: at(data, "stream") ?? at(data, "message", "stream"),
    pod: at(data, "codeengine", "instanceId"),
    revision: at(data, "codeengine", "subcomponent"),
  };
}

/** The text at a place in `data`, if there is one. */
function at(data: unknown, ...path: readonly string[]): string | undefined {
  let found = data;
  for (const name of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return typeof found === "string" ? found : undefined;
}
