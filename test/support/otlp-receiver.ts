import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it was received. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: number;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** What did not follow the protocol. */
  readonly violations: string[];
  /** All that came, as text. */
  readonly bodies: string[];
}

const IDS = { traceId: /^[0-9a-f]{32}$/, spanId: /^[0-9a-f]{16}$/ };

/**
 * Takes traces by OTLP over HTTP with JSON, and is strict about it: path, content type, the shape of ids and times, and nothing
 * that it does not know of.
 * Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp and opentelemetry/proto/trace/v1/trace.proto
 */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const received: Pick<OtlpReceiver, "spans" | "violations" | "bodies"> = { spans: [], violations: [], bodies: [] };
  const server = createServer((request, response) => {
    void take(request, received).then(
      () => response.writeHead(200, { "content-type": "application/json" }).end("{}"),
      (error: unknown) => {
        received.violations.push(error instanceof Error ? error.message : String(error));
        response.writeHead(400).end();
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Received = Pick<OtlpReceiver, "spans" | "violations" | "bodies">;

async function take(request: IncomingMessage, { spans, bodies }: Received): Promise<void> {
  must(request.method === "POST" && request.url === "/v1/traces", `${request.method} ${request.url}`);
  must(request.headers["content-type"] === "application/json", `content-type ${request.headers["content-type"]}`);
  let text = "";
  for await (const chunk of request) text += String(chunk);
  bodies.push(text);
  const body = objectOf(JSON.parse(text), ["resourceSpans"]);
  for (const each of listOf(body.resourceSpans)) {
    const { resource, scopeSpans } = objectOf(each, ["resource", "scopeSpans", "schemaUrl"]);
    const own = attributesOf(objectOf(resource, ["attributes", "droppedAttributesCount", "entityRefs"]).attributes);
    must(own["service.name"] !== undefined, "a resource without service.name");
    for (const scoped of listOf(scopeSpans)) {
      const { scope, spans: found } = objectOf(scoped, ["scope", "spans", "schemaUrl"]);
      must(
        objectOf(scope, ["name", "version", "attributes", "droppedAttributesCount"]).name !== "",
        "a scope without name",
      );
      for (const span of listOf(found)) spans.push(spanOf(span, own));
    }
  }
}

function spanOf(value: unknown, resource: ReceivedSpan["resource"]): ReceivedSpan {
  const span = objectOf(value, [
    ...["traceId", "spanId", "parentSpanId", "traceState", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"],
    ...["attributes", "droppedAttributesCount", "events", "droppedEventsCount", "links", "droppedLinksCount"],
    ...["status", "flags"],
  ]);
  const { traceId, spanId, parentSpanId, name, kind, startTimeUnixNano: start, endTimeUnixNano: end } = span;
  must(typeof traceId === "string" && IDS.traceId.test(traceId), `traceId ${String(traceId)}`);
  must(typeof spanId === "string" && IDS.spanId.test(spanId), `spanId ${String(spanId)}`);
  must(parentSpanId === undefined || IDS.spanId.test(String(parentSpanId)), `parentSpanId ${String(parentSpanId)}`);
  must(typeof name === "string" && name !== "", "a span without name");
  must(typeof kind === "number" && kind >= 1 && kind <= 5, `kind ${String(kind)}`);
  must(BigInt(String(start)) <= BigInt(String(end)), `the span ${String(name)} ends before it starts`);
  const status = objectOf(span.status ?? {}, ["code", "message"]);
  return {
    ...{ traceId: String(traceId), spanId: String(spanId), parentSpanId: parentSpanId as string | undefined },
    ...{ name: String(name), kind: Number(kind), status: Number(status.code ?? 0) },
    attributes: attributesOf(span.attributes),
    resource,
  };
}

function attributesOf(value: unknown): Record<string, unknown> {
  const pairs = listOf(value ?? []).map((each) => {
    const { key, value } = objectOf(each, ["key", "value"]);
    const one = objectOf(value, ["stringValue", "intValue", "boolValue", "doubleValue", "arrayValue"]);
    must(typeof key === "string" && Object.keys(one).length === 1, `attribute ${String(key)}`);
    return [key, Object.values(one)[0]] as const;
  });
  return Object.fromEntries(pairs);
}

function objectOf(value: unknown, known: readonly string[]): Record<string, unknown> {
  must(typeof value === "object" && value !== null && !Array.isArray(value), "no object");
  const object = value as Record<string, unknown>;
  const unknown = Object.keys(object).filter((key) => !known.includes(key));
  must(unknown.length === 0, `unknown members: ${unknown.join(", ")}`);
  return object;
}

function listOf(value: unknown): readonly unknown[] {
  must(Array.isArray(value), "no list");
  return value as unknown[];
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
