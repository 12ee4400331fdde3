import { isJsonObject } from "../../../../src/machinery/json-equal.ts";
import {
  type Field,
  flag,
  integer,
  type JsonObject,
  object,
  oneOf,
  optional,
  readFields,
  text,
  withDefault,
} from "../fields/field.ts";
import { plainErrorAnswer } from "../http/answers.ts";
import { ApiError } from "../http/api-error.ts";
import type { Handler } from "../http/surface.ts";
import type { Iam } from "../iam/iam.ts";
import { newId, type World } from "../world.ts";
import type { KeptLine } from "./log-history.ts";
import { parseLucene, type Term } from "./lucene.ts";

const QUERIES_PER_MINUTE = 10;
const MAX_ROWS = { frequent_search: 12_000, archive: 50_000 };
const MAX_SPAN_MS = 8 * 24 * 3_600_000;

const date: Field<Date> = (value, name) => {
  const at = new Date(
    text({ max: 64, matches: (given) => !Number.isNaN(Date.parse(given)), wants: "a time" })(value, name),
  );
  return at;
};

const metadataFields = {
  start_date: optional(date),
  end_date: optional(date),
  tier: withDefault(oneOf("frequent_search", "archive"), "frequent_search"),
  syntax: withDefault(oneOf("dataprime", "lucene"), "dataprime"),
  limit: withDefault(integer(1, 50_000), 2_000),
  default_source: optional(text({ max: 4_096 })),
  strict_fields_validation: withDefault(flag, false),
};
const queryFields = {
  query: withDefault(text({ max: 4_096 }), ""),
  metadata: withDefault(
    object((members) => readFields(metadataFields, members)),
    readFields(metadataFields, {}),
  ),
};
type Query = ReturnType<typeof readFields<typeof queryFields>>;

/** `POST /v1/query` of an instance of IBM Cloud Logs; answers come as server-sent events. */
export function cloudLogs({ world, iam }: { readonly world: World; readonly iam: Iam }): Handler {
  let asked: number[] = [];
  return async (request) => {
    if (iam.caller(request) === undefined) return plainErrorAnswer(401, "The token is missing, invalid or expired.");
    if (new URL(request.url).pathname !== "/v1/query") return plainErrorAnswer(404, "Not found.");
    if (request.method !== "POST") return plainErrorAnswer(405, "Method not allowed.");
    if (world.logHistory === undefined) return plainErrorAnswer(404, "There is no such instance.");
    const now = world.clock.monotonicMs();
    asked = [...asked.filter((at) => at > now - 60_000), now];
    if (asked.length > QUERIES_PER_MINUTE) return plainErrorAnswer(429, "Too many queries.", { "retry-after": "60" });
    return await answer(request, world);
  };
}

async function answer(request: Request, world: World): Promise<Response> {
  try {
    const body: unknown = JSON.parse(await request.text());
    if (!isJsonObject(body)) return plainErrorAnswer(400, "The body must be an object.");
    const query = readFields(queryFields, body);
    return eventStream(run(query, world));
  } catch (error) {
    if (error instanceof ApiError || error instanceof SyntaxError) return plainErrorAnswer(400, error.message);
    throw error;
  }
}

/** The data of each event. */
function run({ query, metadata }: Query, world: World): JsonObject[] {
  const end = metadata.end_date ?? world.clock.now();
  const start = metadata.start_date ?? new Date(end.getTime() - 15 * 60_000);
  const first = { query_id: { query_id: newId() } };
  if (metadata.syntax === "dataprime") return [first, { error: { message: "The emulator understands lucene only." } }];
  if (end.getTime() - start.getTime() > MAX_SPAN_MS) return [first, { error: { message: "More than 8 days." } }];
  const terms = parseLucene(query);
  const arrived = new Date(Math.min(end.getTime(), world.clock.now().getTime() - world.timings.logLagMs));
  const found = (world.logHistory?.lines ?? [])
    .map((line) => ({ line, record: recordOf(line) }))
    .filter(({ line, record }) => line.at >= start && line.at <= arrived && terms.every((term) => fits(record, term)));
  const rows = found.slice(0, Math.min(metadata.limit, MAX_ROWS[metadata.tier])).map(({ line, record }) => ({
    metadata: [
      { key: "timestamp", value: line.at.toISOString() },
      { key: "severity", value: "Info" },
    ],
    labels: [
      { key: "applicationname", value: "codeengine" },
      { key: "subsystemname", value: line.project.name },
    ],
    user_data: JSON.stringify(record),
  }));
  const warning = rows.length < found.length ? [{ warning: { number_of_results_limit_warning: {} } }] : [];
  return [first, { result: { results: rows } }, ...warning];
}

function recordOf({ project, app, revision, instance, text: message, stream }: KeptLine): JsonObject {
  return {
    app: "codeengine",
    codeengine: {
      projectGuid: project.id,
      projectName: project.name,
      component: app,
      componentType: "application",
      subcomponent: revision,
      instanceId: instance,
    },
    message: { message },
    level: stream === "stderr" ? "error" : "info",
    stream,
  };
}

function fits(record: JsonObject, { field, value }: Term): boolean {
  const found = field.split(".").reduce<unknown>((at, part) => (isJsonObject(at) ? at[part] : undefined), record);
  return field === "message.message" ? String(found).includes(value) : found === value;
}

function eventStream(events: readonly JsonObject[]): Response {
  const lines = [": success\n\n", ":\n\n", ...events.map((event) => `data: ${JSON.stringify(event)}\n\n`)];
  return new Response(lines.join(""), { headers: { "content-type": "text/event-stream" } });
}
