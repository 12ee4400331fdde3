import { once } from "node:events";
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { noServers } from "../../test/support/no-servers.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { startGateway } from "./gateway.ts";
import type { HttpListener } from "./http-listener.ts";
import type { LogProvider } from "./log-provider.ts";

const LOG = "/-/namespaces/team-a/runtimedeployments/files/log";
const open: HttpListener[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((gateway) => gateway.close()));
});

async function start(logs: LogProvider["logs"]): Promise<HttpListener> {
  const gateway = await startGateway({
    listen: { host: "127.0.0.1", port: 0 },
    logs: { logs },
    usage: { usage: async () => undefined },
    access: { authenticate: async () => ({ username: "dev" }), authorize: async () => true },
    ...noServers,
    logger: recordingLogger().logger,
  });
  open.push(gateway);
  return gateway;
}

async function ask(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ request: ClientRequest; response: IncomingMessage }> {
  const request = get(url, { headers: { authorization: "Bearer t", ...headers }, agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return { request, response };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("over a socket", () => {
  it("serves a log", async () => {
    const gateway = await start(async () =>
      (async function* () {
        yield "één";
        yield "two";
      })(),
    );
    const { response } = await ask(gateway.url + LOG);
    expect(response.statusCode).toBe(200);
    expect(await textOf(response)).toBe("één\ntwo\n");
  });

  it("checks the Host header that came, not the URL", async () => {
    const gateway = await start(async () => undefined);
    const { response } = await ask(gateway.url + LOG, { host: "evil.example.com" });
    expect(response.statusCode).toBe(421);
    await textOf(response);
  });

  it("sends headers before the first line, and frees everything when the client vanishes", async () => {
    const ended = Promise.withResolvers<void>();
    const gateway = await start(async (_namespace, _name, _options, signal) => {
      signal.addEventListener("abort", () => ended.resolve());
      return (async function* () {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        yield* [];
      })();
    });
    const { request, response } = await ask(`${gateway.url + LOG}?follow=true`);
    expect(response.statusCode).toBe(200);
    response.on("error", () => undefined);
    request.destroy();
    await ended.promise;
  });

  it("stops reading its source while the client does not read", async () => {
    let made = 0;
    const line = "x".repeat(64 * 1024);
    const gateway = await start(async () =>
      (async function* () {
        for (; made < 10_000; made += 1) yield line;
      })(),
    );
    const { request, response } = await ask(`${gateway.url + LOG}?follow=true`);
    response.pause();
    response.on("error", () => undefined);
    let before = -1;
    while (before !== made) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // Socket buffers of the system hold some MiB; all of it would be 640 MiB.
    expect(made).toBeLessThan(1_000);
    request.destroy();
  });

  it("ends what is followed when it closes, and takes no more", async () => {
    const gateway = await start(async (_namespace, _name, _options, signal) =>
      (async function* () {
        yield "first";
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      })(),
    );
    const { response } = await ask(`${gateway.url + LOG}?follow=true`);
    await once(response, "readable");
    const [text] = await Promise.all([textOf(response), gateway.close()]);
    expect(text).toBe("first\n");
    await expect(ask(gateway.url + LOG)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it.each([
    { because: "it is no HTTP", bytes: "hello\r\n\r\n", want: /^HTTP\/1.1 400/ },
    {
      because: "its header is immense",
      bytes: `GET ${LOG} HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
      want: /^HTTP\/1.1 431/,
    },
    {
      because: "its target is no path",
      bytes: "OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n",
      want: /^HTTP\/1.1 400/,
    },
    { because: "it names no host", bytes: `GET ${LOG} HTTP/1.1\r\n\r\n`, want: /^HTTP\/1.1 400/ },
  ])("refuses a request when $because", async ({ bytes, want }) => {
    const gateway = await start(async () => undefined);
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    socket.write(bytes);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(want);
    socket.destroy();
  });
});

it("says which address is taken", async () => {
  const first = await start(async () => undefined);
  const port = Number(new URL(first.url).port);
  const second = startGateway({
    listen: { host: "127.0.0.1", port },
    logs: { logs: async () => undefined },
    usage: { usage: async () => undefined },
    access: { authenticate: async () => undefined, authorize: async () => false },
    ...noServers,
    logger: recordingLogger().logger,
  });
  await expect(second).rejects.toThrow(`EADDRINUSE: address already in use 127.0.0.1:${port}`);
});

describe("who may use MCP servers", () => {
  it.each([
    { because: "anybody on this machine", host: "127.0.0.1", flag: {}, want: 404 },
    { because: "who shows a token, where others reach it", host: "0.0.0.0", flag: {}, want: 401 },
    { because: "anybody, where that was said", host: "0.0.0.0", flag: { requireToken: false }, want: 404 },
    { because: "who shows a token, where that was said", host: "127.0.0.1", flag: { requireToken: true }, want: 401 },
  ])("$because", async ({ host, flag, want }) => {
    const { logger, lines } = recordingLogger();
    const gateway = await startGateway({
      listen: { host, port: 0 },
      logs: { logs: async () => undefined },
      usage: { usage: async () => undefined },
      access: { authenticate: async () => undefined, authorize: async () => false },
      ...noServers,
      ...flag,
      logger,
    });
    open.push(gateway);
    const url = `http://127.0.0.1:${new URL(gateway.url).port}/team-a/files/mcp`;
    const response = await new Promise<IncomingMessage>((resolve) => void get(url, { agent: false }, resolve));
    await textOf(response);
    // Whether anything is there may be known a moment later.
    expect(response.statusCode === 503 ? 404 : response.statusCode).toBe(want);
    expect(lines.some(({ message }) => message.includes("no token is asked for"))).toBe(
      "requireToken" in flag && host === "0.0.0.0",
    );
  });
});
