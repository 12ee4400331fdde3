import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { requestUsage } from "./usage-client.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

async function ask(listener: RequestListener, timeoutMs = 5_000) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const gateway = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const signal = new AbortController().signal;
  return await requestUsage(
    { gateway, authorization: "Bearer t", namespace: "default", name: "files", signal },
    timeoutMs,
  );
}
const answering =
  (text: string, status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status).end(text);

describe("asking a gateway what a workload uses", () => {
  it("sends the token, and understands the answer", async () => {
    const seen: unknown[] = [];
    const found = await ask((request, response) => {
      seen.push(request.url, request.headers.authorization);
      response.end('{"instances":2,"cpuMillis":120}');
    });
    expect(found).toEqual({ instances: 2, cpuMillis: 120, memoryBytes: undefined });
    expect(seen).toEqual(["/-/namespaces/default/runtimedeployments/files/usage", "Bearer t"]);
  });

  it.each([
    {
      because: "they are counted",
      requests: { total: 3, byStatus: { "2xx": 3 }, spanSeconds: 600, until: "2026-01-01T00:00:00Z" },
      known: true,
    },
    { because: "their time is none", requests: { total: 3, byStatus: {}, spanSeconds: 600, until: "x" }, known: false },
    {
      because: "a number is none",
      requests: { total: 3, byStatus: { "2xx": "3" }, spanSeconds: 600, until: "2026-01-01T00:00:00Z" },
      known: false,
    },
    { because: "they are no object", requests: 3, known: false },
  ])("takes requests where they make sense: $because", async ({ requests, known }) => {
    const usage = { instances: 1, cpuMillis: 1, memoryBytes: 1 };
    const found = await ask(answering(JSON.stringify({ ...usage, requests })));
    expect(found).toEqual(known ? { ...usage, requests } : usage);
  });

  it.each([
    { because: "it is a gateway's", text: '{"kind":"Status","message":"not today"}', status: 503, want: "not today" },
    { because: "it is not a gateway's", text: "<html>", status: 502, want: "no Slipway gateway (HTTP 502)" },
    { because: "it has no numbers", text: '{"instances":"two"}', status: 200, want: "no Slipway gateway" },
    { because: "it is no JSON", text: "hello", status: 200, want: "no Slipway gateway" },
  ])("says why there is none where $because", async ({ text, status, want }) => {
    await expect(ask(answering(text, status))).rejects.toThrow(want);
  });

  it("waits no longer than it is told", async () => {
    await expect(ask(() => undefined, 50)).rejects.toThrow("no answer within 0.05 s");
  });
});
