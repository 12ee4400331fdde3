import { expect, it } from "@jest/globals";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { createHealthHandler, startHealthListener } from "./metrics-listener.ts";

const { logger } = recordingLogger();

it.each([
  { because: "the process answers", path: "/healthz", status: 200, body: "ok\n" },
  { because: "something is missing", path: "/readyz", status: 503, body: "not ready\ncaches are not filled\n" },
  { because: "metrics are told", path: "/metrics", status: 200, body: "slipway_up 1\n" },
  { because: "there is nothing else", path: "/debug", status: 404, body: "there are /healthz, /readyz and /metrics\n" },
])("answers $path: $because", async ({ path, status, body }) => {
  const handler = createHealthHandler({
    ready: () => ({ ok: false, reasons: ["caches are not filled"] }),
    metrics: async () => "slipway_up 1\n",
    logger,
  });
  const response = await handler(new Request(`http://gateway${path}`));
  expect([response.status, await response.text()]).toEqual([status, body]);
});

it("is ready without reasons, takes no writes and hides its failures", async () => {
  const handler = createHealthHandler({
    ready: () => ({ ok: true, reasons: [] }),
    metrics: () => Promise.reject(new Error("s3cret")),
    logger,
  });
  expect((await handler(new Request("http://gateway/readyz"))).status).toBe(200);
  expect((await handler(new Request("http://gateway/healthz", { method: "POST" }))).status).toBe(405);
  const failed = await handler(new Request("http://gateway/metrics"));
  expect([failed.status, await failed.text()]).toEqual([500, "failed; see the log\n"]);
});

it("listens", async () => {
  const listener = await startHealthListener({
    listen: { host: "127.0.0.1", port: 0 },
    ready: () => ({ ok: true, reasons: [] }),
    metrics: async () => "a 1\n",
    logger,
  });
  const response = await fetch(`${listener.url}/metrics`);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await response.text()).toBe("a 1\n");
  await listener.close();
});
