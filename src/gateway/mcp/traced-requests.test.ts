import { expect, it } from "@jest/globals";
import { ask, endpointAt, startGatewayUnderTest, startServer } from "../../../test/support/mcp-gateway.ts";
import { NO_TRACES, type OpenSpan, type SpanOptions, type Tracer } from "../../machinery/tracer.ts";

const FROM_CLIENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OWN = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

interface Opened {
  readonly name: string;
  readonly options: SpanOptions;
  readonly told: unknown[];
}

function recordingTracer(): { readonly tracer: Tracer; readonly spans: Opened[] } {
  const spans: Opened[] = [];
  const open = (name: string, options: SpanOptions): OpenSpan => {
    const told: unknown[] = [];
    spans.push({ name, options, told });
    return {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      headers: { traceparent: OWN },
      set: (attributes) => told.push(attributes),
      fail: (type) => told.push(type),
      end: () => told.push("end"),
    };
  };
  return { tracer: { ...NO_TRACES, open }, spans };
}

it("makes a request part of the client's trace, and the server's work part of the request", async () => {
  const { tracer, spans } = recordingTracer();
  const seen: unknown[] = [];
  await using server = await startServer((request, response) => {
    seen.push(request.headers.traceparent, request.headers.tracestate, request.headers["x-mine"]);
    response.end("{}");
  });
  await using gateway = await startGatewayUnderTest([endpointAt(server.url)], { tracer });
  const headers = { traceparent: FROM_CLIENT, tracestate: "a=1", "x-mine": "kept", authorization: "Bearer secret" };
  const answer = await ask(`${gateway.url}/team-a/files/mcp?token=secret`, { method: "DELETE", headers });
  expect(answer.status).toBe(200);
  await ask(`${gateway.url}/team-a/secret/mcp`);
  await ask(`${gateway.url}/what/ever/secret`);
  expect(seen).toEqual([OWN, undefined, "kept"]);
  expect(spans.map(({ name }) => name)).toEqual([
    ...["DELETE /{namespace}/{name}/mcp", "GET /{namespace}/{name}/mcp", "GET other"],
  ]);
  expect(spans[0]?.options.attributes).toMatchObject({
    "k8s.namespace.name": "team-a",
    "slipway.object.name": "files",
  });
  expect(spans[0]?.options.parent).toEqual({ traceparent: FROM_CLIENT, tracestate: "a=1" });
  expect(spans[0]?.told).toEqual([{ "http.response.status_code": 200 }, "end"]);
  expect(JSON.stringify(spans.map(({ options: { attributes }, told }) => [attributes, told]))).not.toContain("secret");
});

it("lets a client's trace pass where nothing is traced", async () => {
  const seen: unknown[] = [];
  await using server = await startServer((request, response) => {
    seen.push(request.headers.traceparent);
    response.end("{}");
  });
  await using gateway = await startGatewayUnderTest([endpointAt(server.url)]);
  await ask(`${gateway.url}/team-a/files/mcp`, { method: "DELETE", headers: { traceparent: FROM_CLIENT } });
  expect(seen).toEqual([FROM_CLIENT]);
});
