import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { WorkloadEndpoint } from "../../src/backends/workload-endpoint.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { createProber } from "../../src/probe/create-prober.ts";
import type { ProbeVerdict } from "../../src/probe/prober.ts";
import { eventually } from "../support/eventually.ts";
import { startEverything } from "../support/mcp/everything.ts";
import { startModernServer } from "../support/mcp/modern-server.ts";
import { type StdioPlace, startStdioPlace } from "../support/mcp/stdio-processes.ts";
import { type GatewayUnderTest, startGatewayUnderTest, startServer } from "../support/mcp-gateway.ts";
import { recordingLogger } from "../support/recording-logger.ts";

let folder: string;
let place: StdioPlace;
let gateway: GatewayUnderTest;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-probes-"));
  place = await startStdioPlace();
  gateway = await startGatewayUnderTest([], {
    streamsSocket: place.socketPath,
    probeSocket: join(folder, "probes.sock"),
    // Callers need a token; probes do not.
    requireToken: true,
  });
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const stdio = (id: string, sessionMode: "Shared" | "PerSession" = "Shared"): WorkloadEndpoint => ({
  ...({ kind: "stdio", backend: "local", instance: "1" } as const),
  ...{ id, sessionMode },
});
const http = (url: string, more: object = {}): WorkloadEndpoint => ({
  ...({ kind: "http", transport: "streamable-http", instance: "1" } as const),
  ...{ url, ...more },
});

const proberOf = () =>
  createProber({
    ...{ clock: systemClock, logger: recordingLogger().logger },
    gateway: () => ({ socketPath: join(folder, "probes.sock") }),
  });

/** The verdict once there is one, after `runs` probes. */
async function verdictOf(endpoint: WorkloadEndpoint, timeoutMs = 10_000): Promise<ProbeVerdict | undefined> {
  await using prober = proberOf();
  const probe = { kind: "endpoint", endpoint } as const;
  prober.watch("it", { instance: "1", probe, periodMs: 50, timeoutMs, failureThreshold: 1 });
  await eventually("the first probe has ended", () => {
    const verdict = prober.verdict("it");
    return verdict?.kind === "pending" ? verdict.failures > 0 : verdict !== undefined;
  });
  // The second asks again in another way than the first.
  await new Promise((resolve) => setTimeout(resolve, 200));
  return prober.verdict("it");
}

describe("an endpoint that only the gateway can speak to", () => {
  it.each([
    { because: "of an earlier revision", id: "everything", speaks: "2025-11-25" },
    { because: "of 2026-07-28", id: "modern", speaks: "2026-07-28" },
    {
      because: "that gives each client a process",
      id: "everything#own",
      sessionMode: "PerSession" as const,
      speaks: "2025-11-25",
    },
  ])("is probed over stdio: a server $because", async ({ id, sessionMode, speaks }) => {
    const verdict = await verdictOf(stdio(id, sessionMode));
    expect(verdict).toMatchObject({
      kind: "ready",
      mcp: { tools: expect.any(Number), protocolVersion: speaks },
    });
    // Nothing is left of it but the process that clients share.
    expect({ own: place.own.size, sessions: gateway.dataPath.stats().sessions, shared: place.shared.has(id) }).toEqual({
      ...{ own: 0, sessions: 0, shared: true },
    });
  });

  it("is asked itself each time, where it offers no tools", async () => {
    await using prober = proberOf();
    const probe = { kind: "endpoint", endpoint: stdio("toolless") } as const;
    prober.watch("it", { instance: "1", probe, periodMs: 50, timeoutMs: 500, failureThreshold: 1 });
    const verdict = () => prober.verdict("it");
    await eventually("it is ready", () => verdict()?.kind === "ready");
    expect(verdict()).toMatchObject({ mcp: { tools: undefined, protocolVersion: "2025-06-18" } });
    const pid = place.shared.get("toolless") ?? 0;
    process.kill(pid, "SIGSTOP");
    await eventually("it is seen to hang", () => verdict()?.kind === "failed");
    process.kill(pid, "SIGCONT");
    await eventually("it is ready again", () => verdict()?.kind === "ready");
  });

  it.each(["streamableHttp", "sse"] as const)("is probed over %s", async (mode) => {
    await using server = await startEverything(mode);
    const transport = mode === "sse" ? "sse" : "streamable-http";
    const verdict = await verdictOf(http(server.url, { transport }));
    expect(verdict).toMatchObject({ kind: "ready", mcp: { protocolVersion: "2025-11-25" } });
  });

  it("is probed with its credentials, which may be long", async () => {
    await using modern = await startModernServer();
    const authorization = `Bearer ${"s".repeat(10_000)}`;
    await using server = await startServer(async (request, response) => {
      if (request.headers.authorization !== authorization || request.headers["slipway-endpoint"]) {
        response.writeHead(401).end();
        return;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = "", headers } = request;
      const answer = await fetch(modern.url, {
        method,
        headers: { ...(headers as Record<string, string>), host: new URL(modern.url).host },
        body: Buffer.concat(chunks),
      }).catch(() => undefined);
      // The last probe may be under way when the test has ended.
      if (answer === undefined) return void response.destroy();
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(await answer.text());
    });
    const verdict = await verdictOf(http(server.url, { headers: { authorization, "x-long": "l".repeat(4_000) } }));
    expect(verdict).toMatchObject({ kind: "ready", mcp: { protocolVersion: "2026-07-28" } });
  });

  it.each([
    {
      because: "nothing runs there",
      endpoint: stdio("nothing"),
      want: { reason: "ProbeRefused", message: 'workload "nothing" does not run' },
    },
    {
      because: "its process says nothing",
      endpoint: stdio("silent"),
      want: { reason: "ProbeTimeout", message: expect.stringContaining("no answer within 1 s") },
    },
    {
      because: "its process ends at once",
      endpoint: stdio("crashes"),
      want: { reason: "ProbeRefused", message: expect.stringContaining("ended before it had greeted") },
    },
    {
      because: "nothing listens there",
      endpoint: http("http://127.0.0.1:9/mcp"),
      want: { reason: "ProbeRefused", message: "the server does not take connections now" },
    },
  ])("is not ready when $because", async ({ endpoint, want }) => {
    expect(await verdictOf(endpoint, 1_000)).toMatchObject({ kind: "pending", failure: want });
  });
});

it("takes no probe from the listener of clients", async () => {
  const header = Buffer.from(JSON.stringify(stdio("everything"))).toString("base64url");
  const answer = await fetch(`${gateway.url}/team-a/x/mcp`, {
    method: "POST",
    headers: { "slipway-endpoint": header, "content-type": "application/json" },
    body: "{}",
  });
  expect(answer.status).toBe(401);
});
