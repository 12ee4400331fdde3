import { expect, it } from "@jest/globals";
import { eventually } from "../../test/support/eventually.ts";
import { startOtlpReceiver } from "../../test/support/otlp-receiver.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { TransientError } from "../machinery/errors.ts";
import type { Tracer } from "../machinery/tracer.ts";
import { startTracing } from "./start-tracing.ts";
import { TellingExporter } from "./telling-exporter.ts";

const PART = "controllers";
const CLIENT = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: undefined };

/** A reconcile with a call that works and one that does not, and a request of a client. */
async function work(tracer: Tracer): Promise<Record<string, string>> {
  const failing = tracer.span("reconcile x", { parent: "none" }, async () => {
    await tracer.span("get secrets", { kind: "client", onlyAsPart: true }, async (span) => span.set({ code: 200 }));
    await tracer.span("docker start", { kind: "client", onlyAsPart: true }, async () => {
      throw new TransientError("BackendUnavailable", "password=hunter2");
    });
  });
  await expect(failing).rejects.toThrow("hunter2");
  await tracer.span("list pods", { onlyAsPart: true }, async (span) => expect(span.traceId).toBeUndefined());
  const request = tracer.open("POST", { kind: "server", parent: CLIENT });
  request.end();
  return request.headers;
}

it("exports spans as a tree, by the protocol, without the messages of errors", async () => {
  await using receiver = await startOtlpReceiver();
  const { logger, lines } = recordingLogger();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url;
  try {
    const tracing = await startTracing({ part: PART, logger, env });
    if (!tracing) throw new Error("nothing is traced");
    const headers = await work(tracing);
    await tracing[Symbol.asyncDispose]();
    expect(receiver.violations).toEqual([]);
    const [get, start, reconcile, post] = receiver.spans;
    expect(receiver.spans.map(({ name, status }) => `${name} ${status}`)).toEqual([
      ...["get secrets 0", "docker start 2", "reconcile x 2", "POST 0"],
    ]);
    expect([get?.parentSpanId, start?.parentSpanId]).toEqual([reconcile?.spanId, reconcile?.spanId]);
    expect(reconcile?.parentSpanId).toBeUndefined();
    expect(start?.attributes).toEqual({ "error.type": "BackendUnavailable" });
    expect(reconcile?.resource).toMatchObject({ "service.name": "slipway", "slipway.part": PART });
    expect(`00-${post?.traceId}-${post?.parentSpanId}-01`).toBe(CLIENT.traceparent);
    expect(headers.traceparent).toBe(`00-${post?.traceId}-${post?.spanId}-01`);
    expect(receiver.bodies.join()).not.toContain("hunter2");
    expect(lines).toEqual([]);
  } finally {
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  }
});

it.each([
  { because: "no endpoint is named", env: {}, warned: 0 },
  {
    because: "it is switched off",
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a", OTEL_SDK_DISABLED: "true" },
    warned: 0,
  },
  { because: "the endpoint is no URL", env: { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, warned: 1 },
  {
    because: "gRPC is asked for",
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    warned: 1,
  },
])("traces nothing where $because", async ({ env, warned }) => {
  const { logger, lines } = recordingLogger();
  expect(await startTracing({ part: PART, logger, env })).toBeUndefined();
  expect(lines.filter(({ level }) => level === "warn")).toHaveLength(warned);
});

it("warns once of a collector that is down, keeps few spans, and ends in time", async () => {
  const { logger, lines } = recordingLogger();
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = "http://user:hunter2@127.0.0.1:9";
  process.env.OTEL_EXPORTER_OTLP_TIMEOUT = "50";
  try {
    const tracing = await startTracing({ part: PART, logger });
    if (!tracing) throw new Error("nothing is traced");
    for (let index = 0; index < 10_000; index += 1) tracing.open("GET", { parent: "none" }).end();
    const warnings = () => lines.filter(({ level }) => level === "warn");
    await eventually("it warns", () => warnings().length > 0);
    for (let index = 0; index < 1_000; index += 1) tracing.open("GET", { parent: "none" }).end();
    await tracing[Symbol.asyncDispose]();
    expect(warnings()).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain("hunter2");
  } finally {
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
    delete process.env.OTEL_EXPORTER_OTLP_TIMEOUT;
  }
});

it("says when a collector is back, and exports again", async () => {
  const { logger, lines } = recordingLogger();
  const answers = [1, 1, 0];
  const exporter = new TellingExporter(
    {
      export: (_spans, done) => done({ code: answers.shift() ?? 1 }),
      shutdown: async () => undefined,
    },
    { logger, endpoint: "http://a" },
  );
  const codes: number[] = [];
  const send = () => exporter.export([], ({ code }) => codes.push(code));
  for (let round = 0; round < 4; round += 1) send();
  expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    "warn traces cannot be exported and are dropped until they can",
    "info traces are exported again",
    "warn traces cannot be exported and are dropped until they can",
  ]);
  exporter.ending();
  send();
  // Was not tried any more.
  expect(codes).toEqual([1, 1, 0, 1, 1]);
});
