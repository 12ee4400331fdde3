import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { ask } from "../support/mcp-gateway.ts";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { SlipwayProcess } from "../support/slipway-process.ts";

jest.setTimeout(120_000);

const SECRET = "hunter2-in-a-variable";
const CLIENT_TRACE = "0af7651916cd43dd8448eb211c80319c";

let receiver: OtlpReceiver;
let slipway: SlipwayProcess;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  slipway = new SlipwayProcess({
    args: ["--log-format", "json", "--log-level", "debug"],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_HEADERS: `x-key=${SECRET}` },
  });
  await slipway.start();
  await slipway.kubectl.apply({
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeDeployment",
    metadata: { name: "traced", namespace: "default" },
    spec: {
      backend: "process",
      source: { process: { command: "/does/not/exist", args: [SECRET] } },
      env: [{ name: "PASSWORD", value: SECRET }],
      health: { probe: "none" },
    },
  });
  await slipway.kubectl.apply({
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeDeployment",
    metadata: { name: "away", namespace: "default" },
    spec: { backend: "remote", source: { remote: { url: "http://127.0.0.1:9/mcp" } } },
  });
});
afterAll(async () => {
  await slipway?.kubectl.run(["delete", "runtimedeployments", "--all", "--all-namespaces"]);
  await slipway?.terminate();
  await slipway?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});

it("traces a reconcile with its calls, a probe, and a client's request, and tells no secret", async () => {
  await ask(`${slipway.endpoints.gateway}/default/traced/mcp?token=${SECRET}`, {
    method: "DELETE",
    headers: { traceparent: `00-${CLIENT_TRACE}-b7ad6b7169203331-01`, authorization: `Bearer ${SECRET}` },
  });
  const { spans } = receiver;
  const find = (what: string, holds: (span: ReceivedSpan) => boolean) =>
    eventually(what, () => spans.find(holds), {
      explain: () => [...new Set(spans.map(({ name }) => name))].join("\n"),
    });
  const call = await find("a call to a backend", ({ name }) => name === "process create");
  const reconcile = await find("its reconcile", ({ spanId }) => spanId === call.parentSpanId);
  expect(reconcile.name).toBe("reconcile runtimedeployment");
  expect(reconcile.attributes).toMatchObject({ "slipway.object.name": "traced", "k8s.namespace.name": "default" });
  await find(
    "a write of its status",
    ({ name, traceId }) => name === "patch runtimedeployments/status" && traceId === reconcile.traceId,
  );
  await find("a probe that failed", ({ name, status }) => name === "probe" && status === 2);
  const request = await find("the request", ({ traceId }) => traceId === CLIENT_TRACE);
  expect(request).toMatchObject({ name: "DELETE /{namespace}/{name}/mcp", parentSpanId: "b7ad6b7169203331" });
  expect(request.resource).toMatchObject({ "service.name": "slipway", "slipway.part": "gateway" });
  expect(receiver.violations).toEqual([]);
  expect(receiver.bodies.join()).not.toContain(SECRET);
});

it("gives all lines of a reconcile its id, and that of its trace", async () => {
  const lines = await eventually("lines of a reconcile", () => {
    const found = slipway.output
      .split("\n")
      .filter((line) => line.includes('"reconcileID"') && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Record<string, string>);
    return found.length > 0 && found;
  });
  for (const { controller, name, reconcileID, traceID } of lines) {
    expect({ controller, name, reconcileID, traceID }).toEqual({
      controller: expect.any(String),
      name: expect.any(String),
      reconcileID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      traceID: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  }
});
