import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { noServers } from "../../test/support/no-servers.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { startGateway } from "../gateway/gateway.ts";
import type { HttpListener } from "../gateway/http-listener.ts";
import type { LogRequestOptions } from "../gateway/log-provider.ts";
import { type LogsOptions, logs } from "./logs.ts";
import { UsageError } from "./usage-error.ts";

let directory: string;
let gateway: HttpListener;
let asked: (LogRequestOptions & { namespace: string; name: string })[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-logs-"));
  asked = [];
  gateway = await startGateway({
    listen: { host: "127.0.0.1", port: 0 },
    logs: {
      async logs(namespace, name, options, signal) {
        asked.push({ namespace, name, ...options });
        if (name === "nix") return undefined;
        return (async function* () {
          yield "first";
          yield "second";
          if (name === "broken") throw new Error("gone");
          if (options.follow) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        })();
      },
    },
    usage: { usage: async () => undefined },
    access: {
      authenticate: async (token) => (token === "good" ? { username: "dev" } : undefined),
      authorize: async (_, { namespace }) => namespace !== "secret",
    },
    ...noServers,
    logger: recordingLogger().logger,
  });
});

afterEach(async () => {
  await gateway.close();
  await rm(directory, { recursive: true });
});

async function kubeconfig({ token = "good", namespace = "" } = {}): Promise<string> {
  const path = join(directory, "kubeconfig");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "u", user: token === "" ? {} : { token } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", ...(namespace === "" ? {} : { namespace }) } }],
    "current-context": "x",
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

async function run(options: LogsOptions, { env = {}, signal = new AbortController().signal } = {}) {
  const chunks: string[] = [];
  const output = { write: (chunk: string | Uint8Array) => void chunks.push(Buffer.from(chunk).toString()) };
  const code = await logs(options, { stdout: output, stderr: output, env, signal });
  return { code, stdout: chunks.join("") };
}

describe("slipway logs", () => {
  it("prints the last 100 lines, in the namespace of the kubeconfig's context", async () => {
    const options = { name: "files", kubeconfig: await kubeconfig({ namespace: "team-a" }), gateway: gateway.url };
    expect(await run(options)).toEqual({ code: 0, stdout: "first\nsecond\n" });
    expect(asked).toEqual([
      { namespace: "team-a", name: "files", tail: 100, follow: false, timestamps: false, build: false },
    ]);
  });

  it("asks as it was typed", async () => {
    await run({
      ...{ name: "files", namespace: "b", tail: "all", timestamps: true, build: true },
      ...{ kubeconfig: await kubeconfig(), gateway: gateway.url },
    });
    expect(asked).toEqual([
      { namespace: "b", name: "files", tail: undefined, follow: false, timestamps: true, build: true },
    ]);
  });

  it("follows until it is told to stop, which is no failure", async () => {
    const stop = new AbortController();
    const options = { name: "files", follow: true, kubeconfig: await kubeconfig(), gateway: gateway.url };
    const running = run(options, { signal: stop.signal });
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    setTimeout(() => stop.abort(), 50);
    expect((await running).code).toBe(0);
  });

  it("waits for a reader that is slower", async () => {
    const written: string[] = [];
    const drains: (() => void)[] = [];
    const stdout = {
      write: (chunk: string | Uint8Array) => written.push(Buffer.from(chunk).toString()) < 0,
      once: (_: "drain", listener: () => void) => drains.push(listener),
    };
    const options = { name: "files", kubeconfig: await kubeconfig(), gateway: gateway.url };
    const running = logs(options, { stdout, stderr: stdout, env: {}, signal: new AbortController().signal });
    while (drains.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(written).toHaveLength(1);
    const timer = setInterval(() => drains.shift()?.(), 5);
    expect(await running).toBe(0);
    clearInterval(timer);
    expect(written.join("")).toBe("first\nsecond\n");
  });

  it.each([
    { because: "the environment names it", env: () => ({ SLIPWAY_GATEWAY: gateway.url }), endpoints: "" },
    {
      because: "up wrote it beside the kubeconfig",
      env: () => ({}),
      endpoints: () => JSON.stringify({ gateway: gateway.url }),
    },
  ])("finds the gateway where $because", async ({ env, endpoints }) => {
    if (typeof endpoints === "function") await writeFile(join(directory, "endpoints.json"), endpoints());
    expect(await run({ name: "files", kubeconfig: await kubeconfig() }, { env: env() })).toMatchObject({ code: 0 });
  });

  it("finds it beside the file of KUBECONFIG too", async () => {
    await writeFile(join(directory, "endpoints.json"), JSON.stringify({ gateway: gateway.url }));
    expect(await run({ name: "files" }, { env: { KUBECONFIG: await kubeconfig() } })).toMatchObject({ code: 0 });
  });
});

describe("slipway logs fails when", () => {
  it.each<{ because: string; options?: Partial<LogsOptions>; token?: string; usage?: boolean; message: RegExp }>([
    {
      because: "tail is no number",
      options: { tail: "many" },
      usage: true,
      message: /^--tail: "many".*write for example 100/,
    },
    {
      because: "the gateway is no URL",
      options: { gateway: "here" },
      usage: true,
      message: /^--gateway: "here" is not a URL/,
    },
    {
      because: "the token would travel in the clear",
      options: { gateway: "http://gateway.example.com" },
      usage: true,
      message: /not encrypted.*use https/,
    },
    { because: "the name is none", options: { name: "Files!" }, usage: true, message: /^name: "Files!"/ },
    { because: "there is no such deployment", options: { name: "nix" }, message: /"nix" in namespace "default"/ },
    { because: "the user may not", options: { namespace: "secret" }, message: /user "dev" cannot get/ },
    { because: "the token is nobody's", token: "bad", message: /revoked or have expired/ },
    { because: "the kubeconfig has no token", token: "", message: /has no bearer token.*slipway user add/ },
    {
      because: "nobody listens",
      options: { gateway: "http://127.0.0.1:1" },
      message: /127.0.0.1:1: .*connect ECONNREFUSED.*--gateway/,
    },
    { because: "the log breaks off", options: { name: "broken" }, message: /cut short/ },
  ])("$because", async ({ options = {}, token = "good", usage = false, message }) => {
    const failure = run({ name: "files", kubeconfig: await kubeconfig({ token }), gateway: gateway.url, ...options });
    await expect(failure).rejects.toThrow(message);
    await failure.catch((error: unknown) => expect(error instanceof UsageError).toBe(usage));
  });

  it("something else than a gateway answers, and the token is not sent on", async () => {
    const { createServer } = await import("node:http");
    const paths: string[] = [];
    const other = createServer((request, response) => {
      paths.push(request.url ?? "");
      response.writeHead(302, { location: "/stolen" }).end("<html>");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(other.address() as { port: number }).port}`;
    const failure = run({ name: "files", kubeconfig: await kubeconfig(), gateway: url });
    await expect(failure).rejects.toThrow("is no Slipway gateway (HTTP 302)");
    expect(paths).toHaveLength(1);
    await new Promise((resolve) => other.close(resolve));
  });
});
