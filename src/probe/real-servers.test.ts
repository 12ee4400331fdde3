import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { systemClock } from "../machinery/clock.ts";
import { createProber } from "./create-prober.ts";
import type { Prober, ProbeTarget, ProbeVerdict } from "./prober.ts";

const EVERYTHING = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);

/** server-everything of npm as a process of its own, with what it printed. */
async function everything(
  mode: "streamableHttp" | "sse",
  givenPort?: number,
): Promise<{ port: number; printed: () => string } & AsyncDisposable> {
  const port = givenPort ?? (await freePort());
  const child: ChildProcess = spawn(process.execPath, [EVERYTHING, mode], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (printed += chunk));
  return {
    port,
    printed: () => printed,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function startProber(): Prober {
  return createProber({ clock: systemClock, logger: recordingLogger().logger });
}

function target(probe: ProbeTarget["probe"]): ProbeTarget {
  return { instance: "1", probe, periodMs: 1_000, timeoutMs: 10_000, failureThreshold: 1 };
}

/** Waits until the verdict is of a kind; jest's own timeout ends a wait in vain. */
async function until(prober: Prober, kind: ProbeVerdict["kind"]): Promise<ProbeVerdict> {
  for (;;) {
    const verdict = prober.verdict("a");
    if (verdict?.kind === kind) return verdict;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 50);
      prober.onChange(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

describe("server-everything", () => {
  it("is Connected over streamable HTTP from its first second, in one session that is ended", async () => {
    await using server = await everything("streamableHttp");
    const prober = startProber();
    const url = `http://127.0.0.1:${server.port}/mcp`;
    prober.watch("a", target({ kind: "mcp", transport: "streamable-http", url }));
    expect(await until(prober, "ready")).toMatchObject({
      mcp: {
        protocolVersion: "2025-11-25",
        serverInfo: { name: "mcp-servers/everything" },
        tools: expect.any(Number),
        toolNames: expect.arrayContaining(["echo"]),
      },
    });
    for (let again = 0; again < 3; again += 1) {
      const before = count(server.printed(), /POST request/g);
      prober.hurry("a");
      while (count(server.printed(), /POST request/g) === before)
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await prober[Symbol.asyncDispose]();
    while (!server.printed().includes("Transport closed")) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(count(server.printed(), /Session initialized/g)).toBe(1);
    expect(count(server.printed(), /Transport closed/g)).toBe(1);
    expect(count(server.printed(), /Received MCP GET/g)).toBe(0);
  });

  it("is Connected over HTTP+SSE, and no stream stays", async () => {
    await using server = await everything("sse");
    const prober = startProber();
    const url = `http://127.0.0.1:${server.port}/sse`;
    prober.watch("a", target({ kind: "mcp", transport: "sse", url }));
    expect(await until(prober, "ready")).toMatchObject({ mcp: { toolNames: expect.arrayContaining(["echo"]) } });
    await prober[Symbol.asyncDispose]();
    const open = () => count(server.printed(), /Client Connected/g) - count(server.printed(), /Client Disconnected/g);
    while (open() !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it("fails when it is killed, and is Connected again when it is back", async () => {
    const prober = startProber();
    let port: number;
    {
      await using server = await everything("streamableHttp");
      port = server.port;
      prober.watch("a", target({ kind: "mcp", transport: "streamable-http", url: `http://127.0.0.1:${port}/mcp` }));
      await until(prober, "ready");
    }
    expect(await until(prober, "failed")).toMatchObject({ failure: { reason: "ProbeRefused" } });
    await using _again = await everything("streamableHttp", port);
    await until(prober, "ready");
    await prober[Symbol.asyncDispose]();
  });
});

it("does not keep a process from its end", async () => {
  const script = `
    import { createProber } from "./src/probe/create-prober.ts";
    import { systemClock } from "./src/machinery/clock.ts";
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const prober = createProber({ clock: systemClock, logger });
    const url = process.argv[1];
    const often = { instance: "1", periodMs: 1000, failureThreshold: 3 };
    prober.watch("a", { ...often, probe: { kind: "http", url }, timeoutMs: 3_600_000 });
    prober.watch("b", { ...often, probe: { kind: "mcp", transport: "streamable-http", url }, timeoutMs: 500 });
    await new Promise((resolve) => setTimeout(resolve, 200));
  `;
  await using silent = await silentServer();
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, `http://127.0.0.1:${silent.port}/mcp`]);
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
});

/** Takes connections and says nothing. */
async function silentServer(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server made with version 2 of the SDK, and the methods that it was asked. */
async function modernServer(options: { legacy: "stateless" | "reject"; responseMode: "auto" | "sse" }, tools: number) {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "modern", version: "3.1" });
    for (let index = 0; index < tools; index += 1) {
      server.registerTool(`tool-${index}`, { description: "a tool" }, async () => ({ content: [] }));
    }
    return server;
  }, options);
  const methods: string[] = [];
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    methods.push((JSON.parse(body) as { method: string }).method);
    const headers = new Headers(request.headers as Record<string, string>);
    const answer = await handler.fetch(
      new Request(`http://${request.headers.host}${request.url}`, { method: "POST", headers, body }),
    );
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    if (answer.body) for await (const chunk of answer.body) response.write(chunk);
    response.end();
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    methods,
    async [Symbol.asyncDispose]() {
      await handler.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

describe("a server of revision 2026-07-28", () => {
  it.each([
    { because: "it serves that era only", legacy: "reject", responseMode: "auto" },
    { because: "it serves both, and is asked in the later one", legacy: "stateless", responseMode: "auto" },
    { because: "it answers in streams", legacy: "reject", responseMode: "sse" },
  ] as const)("is discovered once and then only asked for its tools: $because", async ({ legacy, responseMode }) => {
    await using server = await modernServer({ legacy, responseMode }, 3);
    const prober = startProber();
    prober.watch("a", target({ kind: "mcp", transport: "streamable-http", url: server.url }));
    expect(await until(prober, "ready")).toEqual({
      kind: "ready",
      mcp: {
        protocolVersion: "2026-07-28",
        serverInfo: { name: "modern", version: "3.1" },
        tools: 3,
        toolNames: ["tool-0", "tool-1", "tool-2"],
      },
    });
    while (server.methods.length < 4) {
      prober.hurry("a");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await prober[Symbol.asyncDispose]();
    expect(server.methods.slice(0, 4)).toEqual(["server/discover", "tools/list", "tools/list", "tools/list"]);
    expect(prober.verdict("a")).toBeUndefined();
  });

  it("is asked for itself where it offers no tools", async () => {
    await using server = await modernServer({ legacy: "reject", responseMode: "auto" }, 0);
    const prober = startProber();
    prober.watch("a", target({ kind: "mcp", transport: "streamable-http", url: server.url }));
    expect(await until(prober, "ready")).toMatchObject({ mcp: { tools: undefined, toolNames: [] } });
    while (server.methods.length < 3) {
      prober.hurry("a");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await prober[Symbol.asyncDispose]();
    expect(server.methods.slice(0, 3)).toEqual(["server/discover", "server/discover", "server/discover"]);
  });
});
