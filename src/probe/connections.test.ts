import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { firstFailure, SECRET } from "../../test/support/first-failure.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { systemClock } from "../machinery/clock.ts";
import { Metrics } from "../machinery/metrics.ts";
import { createProber } from "./create-prober.ts";
import type { ProbeTarget } from "./prober.ts";

/** A TCP server whose `serve` gets each connection. */
async function tcpServer(serve: (socket: Socket) => void): Promise<AsyncDisposable & { port: number }> {
  const server: TcpServer = createTcpServer((socket) => {
    socket.on("error", () => socket.destroy());
    sockets.add(socket);
    serve(socket);
  });
  const sockets = new Set<Socket>();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function freePort(): Promise<number> {
  await using server = await tcpServer(() => undefined);
  return server.port;
}

describe("below HTTP", () => {
  const mcp = (port: number) =>
    ({ kind: "mcp", transport: "streamable-http", url: `http://127.0.0.1:${port}/mcp` }) as const;
  const tcp = (port: number) => ({ kind: "tcp", host: "127.0.0.1", port }) as const;
  const web = (port: number) => ({ kind: "http", url: `http://127.0.0.1:${port}/` }) as const;

  it.each([
    { because: "nobody listens, for MCP", probe: mcp },
    { because: "nobody listens, for HTTP", probe: web },
    { because: "nobody listens, for TCP", probe: tcp },
  ])("$because", async ({ probe }) => {
    const failure = await firstFailure(probe(await freePort()), 20_000);
    expect(failure).toMatchObject({ reason: "ProbeRefused", message: expect.stringContaining("nothing listens") });
  });

  it.each([
    { because: "a port proxy hangs up, for MCP", probe: mcp },
    { because: "a port proxy hangs up, for HTTP", probe: web },
    { because: "a port proxy hangs up, for TCP", probe: tcp },
  ])("$because", async ({ probe }) => {
    await using server = await tcpServer((socket) => socket.end());
    const failure = await firstFailure(probe(server.port), 20_000);
    expect(failure).toMatchObject({ reason: "ProbeRefused", message: expect.stringContaining("0.0.0.0") });
  });

  it("another protocol answers", async () => {
    await using server = await tcpServer((socket) => socket.write(`SSH-2.0-${SECRET}\r\n`));
    const failure = await firstFailure(mcp(server.port), 20_000);
    expect(failure).toMatchObject({ reason: "ProbeInvalidAnswer", message: expect.stringContaining("not HTTP") });
    expect(failure.message).not.toContain(SECRET);
  });

  it("headers come a byte at a time", async () => {
    await using server = await tcpServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nx-long: ");
      const timer = setInterval(() => socket.write("h"), 50);
      socket.on("close", () => clearInterval(timer));
    });
    expect(await firstFailure(mcp(server.port), 400)).toMatchObject({ reason: "ProbeTimeout" });
  });
});

describe("http and tcp probes", () => {
  async function verdictOf(probe: ProbeTarget["probe"]): Promise<string | undefined> {
    const prober = createProber({ clock: systemClock, logger: recordingLogger().logger });
    const changed = new Promise<void>((resolve) => prober.onChange(() => resolve()));
    prober.watch("a", { instance: "1", probe, timeoutMs: 20_000, periodMs: 60_000, failureThreshold: 3 });
    await changed;
    const verdict = prober.verdict("a");
    await prober[Symbol.asyncDispose]();
    return verdict?.kind;
  }

  it.each([
    { because: "200 is fine", code: 200, want: "ready" },
    { because: "204 is fine", code: 204, want: "ready" },
    { because: "a redirect is an answer, and is not followed", code: 302, want: "ready" },
    { because: "404 is not", code: 404, want: "pending" },
    { because: "500 is not", code: 500, want: "pending" },
  ])("$because", async ({ code, want }) => {
    const server: Server = createServer((_, response) => {
      response.writeHead(code, { location: "http://127.0.0.1:1/" });
      // A body is not waited for.
      if (code === 200) response.write("x");
      else response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    expect(await verdictOf({ kind: "http", url: `http://127.0.0.1:${port}/health` })).toBe(want);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("are counted by outcome", async () => {
    const metrics = new Metrics();
    const prober = createProber({ clock: systemClock, logger: recordingLogger().logger, metrics });
    await using server = await tcpServer(() => undefined);
    const changed = new Promise<void>((resolve) => prober.onChange(() => resolve()));
    const probe = { kind: "tcp", host: "127.0.0.1", port: server.port } as const;
    prober.watch("a", { instance: "1", probe, timeoutMs: 20_000, periodMs: 60_000, failureThreshold: 3 });
    await changed;
    const text = await metrics.render();
    expect(text).toContain('slipway_probes_total{outcome="Answered"} 1\n');
    expect(text).toContain("slipway_probe_duration_seconds_count 1\n");
    expect(text).toContain('slipway_probe_targets{verdict="ready"} 1\n');
    await prober[Symbol.asyncDispose]();
  });

  it("a connection that is kept is enough for tcp", async () => {
    await using server = await tcpServer(() => undefined);
    expect(await verdictOf({ kind: "tcp", host: "127.0.0.1", port: server.port })).toBe("ready");
  });

  it("a greeting before the end is enough for tcp", async () => {
    await using server = await tcpServer((socket) => socket.end("220 hello\r\n"));
    expect(await verdictOf({ kind: "tcp", host: "127.0.0.1", port: server.port })).toBe("ready");
  });
});
