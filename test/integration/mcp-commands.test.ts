import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runtimeDeployments } from "../../src/api/v1alpha1/index.ts";
import { type CallOptions, call } from "../../src/cli/call.ts";
import type { CommandContext } from "../../src/cli/command-context.ts";
import { type ConnectOptions, connect } from "../../src/cli/connect/connect.ts";
import { tools } from "../../src/cli/tools.ts";
import { UsageError } from "../../src/cli/usage-error.ts";
import { createKubeClient } from "../../src/machinery/http-kube-client.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { listen } from "../support/listen.ts";
import { type Everything, startEverything } from "../support/mcp/everything.ts";
import { startModernServer } from "../support/mcp/modern-server.ts";
import { endpointAt, type GatewayUnderTest, startGatewayUnderTest } from "../support/mcp-gateway.ts";

/** The commands that speak MCP, against real servers of each era and wire behind a real gateway that asks for tokens. */

const TOKEN = "the-token-of-ann";
const NAMESPACE = "team-a";

let streamable: Everything;
let sse: Everything;
let modern: Awaited<ReturnType<typeof startModernServer>>;
let gateway: GatewayUnderTest;
let folder: string;
let kubeconfig: string;

function kubeconfigOf(name: string, user: object): string {
  const path = join(folder, `${name}.kubeconfig`);
  const config = {
    "current-context": "c",
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "ann", user }],
    contexts: [{ name: "c", context: { cluster: "c", user: "ann", namespace: NAMESPACE } }],
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-mcp-commands-"));
  kubeconfig = kubeconfigOf("ann", { token: TOKEN });
  [streamable, sse, modern] = await Promise.all([
    startEverything("streamableHttp"),
    startEverything("sse"),
    startModernServer(),
  ]);
  const notReady = {
    ready: false,
    reason: "ImagePullFailed",
    message: "no such \u001bimage",
    retryAfterSeconds: 5,
  } as const;
  gateway = await startGatewayUnderTest(
    [
      endpointAt(streamable.url, { name: "streamable" }),
      endpointAt(sse.url, { name: "sse", transport: "sse" }),
      endpointAt(modern.url, { name: "modern" }),
      endpointAt(modern.url, { name: "broken", state: notReady }),
      endpointAt("http://127.0.0.1:9/mcp", { name: "dead" }),
      endpointAt(modern.url, { name: "secret" }),
    ],
    {
      requireToken: true,
      access: {
        authenticate: async (token) =>
          token === TOKEN ? { username: "ann", uid: "1", groups: [], extra: {} } : undefined,
        mayUse: async (_, { namespace, name }) => namespace === NAMESPACE && name !== undefined && name !== "secret",
      },
    },
  );
}, 60_000);

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await Promise.all([streamable, sse, modern].map((server) => server?.[Symbol.asyncDispose]()));
  rmSync(folder, { recursive: true, force: true });
});

interface Said {
  readonly out: string;
  readonly err: string;
}

function contextFor(
  said: string[],
  err: string[],
  changes: Partial<CommandContext & { isTTY: boolean; stdin: string }> = {},
) {
  const { isTTY = false, stdin = "", ...rest } = changes;
  return {
    stdout: { isTTY, write: (chunk: string | Uint8Array) => said.push(String(chunk)) },
    stderr: { write: (chunk: string | Uint8Array) => err.push(String(chunk)) },
    env: { SLIPWAY_GATEWAY: gateway.url },
    signal: new AbortController().signal,
    stdin: (async function* () {
      yield stdin;
    })(),
    platform: "linux" as const,
    cwd: folder,
    now: () => new Date(),
    ...rest,
  };
}

async function run(
  command: (context: ReturnType<typeof contextFor>) => Promise<number>,
  changes?: Parameters<typeof contextFor>[2],
): Promise<Said & { code: number }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await command(contextFor(out, err, changes));
  return { code, out: out.join(""), err: err.join("") };
}

const callTool = (options: Omit<CallOptions, "kubeconfig">, changes?: Parameters<typeof contextFor>[2]) =>
  run((context) => call({ kubeconfig, ...options }, context), changes);

describe("slipway tools", () => {
  it.each(["streamable", "sse"])("lists those of a %s server", async (name) => {
    const { code, out } = await run((context) => tools({ name, kubeconfig }, context));
    expect(code).toBe(0);
    expect(out).toMatch(/^NAME +ARGUMENTS +DESCRIPTION\necho +message +Echoes back the input/);
    expect(out).toMatch(/^get-sum +a, b +/m);
    expect(out.split("\n")).toHaveLength(15);
  });

  it.each(["json", "yaml"])("lists them whole as %s", async (output) => {
    const { out } = await run((context) => tools({ name: "modern", kubeconfig, output }, context));
    expect(out).toContain("inputSchema");
    if (output === "json")
      expect(JSON.parse(out)).toMatchObject({
        truncated: false,
        tools: expect.arrayContaining([expect.objectContaining({ name: "echo" })]),
      });
  });

  it.each([
    [
      "broken",
      {},
      `team-a/broken is not ready: ImagePullFailed: no such \\u001bimage; 'slipway status broken -n team-a' tells more`,
    ],
    ["absent", {}, "there is no server team-a/absent at"],
    ["secret", {}, "there is no server team-a/secret at"],
    ["streamable", { namespace: "team-b" }, "there is no server team-b/streamable at"],
    ["dead", {}, "team-a/dead: "],
    ["streamable", { gateway: "http://127.0.0.1:2" }, "gateway http://127.0.0.1:2: connect ECONNREFUSED"],
  ])("says why %s %j does not answer", async (name, options, message) => {
    await expect(run((context) => tools({ name, kubeconfig, ...options }, context))).rejects.toThrow(message);
  });

  it.each([
    [{ token: "forged" }, "the gateway does not know the kubeconfig's token; use a kubeconfig of 'slipway user add'"],
    [{}, "the gateway asks for a token, and the kubeconfig's user has none"],
  ])("says what is wrong with the token of %j", async (user, message) => {
    const other = kubeconfigOf("other", user);
    await expect(run((context) => tools({ name: "modern", kubeconfig: other }, context))).rejects.toThrow(message);
  });

  it.each([
    [{ name: "../x" }, "NAME"],
    [{ name: "x", namespace: "a/b" }, "-n"],
    [{ name: "x", output: "text" }, "-o"],
    [{ name: "x", gateway: "http://mcp.example.com" }, "is not encrypted, and your token would travel on it"],
  ])("takes %j for what cannot be meant", async (options, message) => {
    const asked = run((context) => tools({ kubeconfig, ...options }, context));
    await expect(asked).rejects.toThrow(UsageError);
    await expect(asked).rejects.toThrow(message);
  });
});

describe("slipway call", () => {
  it.each([
    ["streamable", { message: "ahoy" }, "Echo: ahoy\n"],
    ["sse", { message: "ahoy" }, "Echo: ahoy\n"],
    ["modern", { text: "ahoy" }, "ahoy\n"],
  ])("prints what a tool of %s answers", async (name, args, expected) => {
    const { code, out } = await callTool({ name, tool: "echo", args: JSON.stringify(args) });
    expect({ code, out }).toEqual({ code: 0, out: expected });
  });

  it("reads arguments of a file and of standard input", async () => {
    const file = join(folder, "args.json");
    writeFileSync(file, '{"text": "from a file"}');
    expect((await callTool({ name: "modern", tool: "echo", args: `@${file}` })).out).toBe("from a file\n");
    const piped = await callTool({ name: "modern", tool: "echo", args: "-" }, { stdin: '{"text": "piped"}' });
    expect(piped.out).toBe("piped\n");
  });

  it("describes what is no text, and has the whole result as JSON", async () => {
    const { out } = await callTool({ name: "streamable", tool: "get-tiny-image" });
    expect(out).toMatch(/\[image image\/png, \d+ (bytes|KiB); -o json has it\]\n/);
    const whole = JSON.parse((await callTool({ name: "streamable", tool: "get-tiny-image", output: "json" })).out);
    expect(whole.content).toContainEqual(expect.objectContaining({ type: "image", data: expect.any(String) }));
  });

  it("passes on 8 MiB", async () => {
    expect((await callTool({ name: "modern", tool: "big" })).out).toHaveLength(8 * 1024 * 1024 + 1);
  });

  it("steers no terminal, and pipes what was said", async () => {
    const args = JSON.stringify({ text: "a\u001b[2Jb" });
    expect((await callTool({ name: "modern", tool: "echo", args }, { isTTY: true })).out).toBe("a\\u001b[2Jb\n");
    expect((await callTool({ name: "modern", tool: "echo", args })).out).toBe("a\u001b[2Jb\n");
  });

  it("ends with 1 where the tool says that it failed", async () => {
    const { code, out, err } = await callTool({ name: "streamable", tool: "get-sum", args: '{"a": "no number"}' });
    expect(code).toBe(1);
    expect(out).toContain("a");
    expect(err).toBe("slipway: tool get-sum says that it failed\n");
  });

  it("says which tools there are", async () => {
    await expect(callTool({ name: "modern", tool: "eco" })).rejects.toThrow(
      `team-a/modern has no tool "eco"; it has asks, where, echo, big, steps, waits; 'slipway tools' tells more`,
    );
  });

  it("ends a call that takes too long, and tells the server", async () => {
    const args = '{"duration": 30, "steps": 30}';
    const asked = callTool({ name: "streamable", tool: "trigger-long-running-operation", args, timeout: "0.3" });
    await expect(asked).rejects.toThrow("team-a/streamable did not answer within 0.3 s; --timeout allows more");
  });

  it.each(["streamable", "modern"])("is cancelled by its signal at %s", async (name) => {
    const stop = new AbortController();
    const tool = name === "modern" ? "waits" : "trigger-long-running-operation";
    const asked = callTool(
      { name, tool, args: name === "modern" ? "{}" : '{"duration": 30}' },
      { signal: stop.signal },
    );
    setTimeout(() => stop.abort(), 200);
    await expect(asked).rejects.toThrow("cancelled");
  });

  it.each([
    [{ args: "[1]" }, "--args: is an array"],
    [{ args: '{"a": }' }, "--args: is no JSON: line 1, column 7"],
    [{ args: "@/nowhere" }, "--args: /nowhere cannot be read (ENOENT)"],
    [{ timeout: "soon" }, "--timeout"],
    [{ timeout: "0" }, "--timeout"],
    [{ output: "table" }, "-o"],
  ])("takes %j for what cannot be meant", async (options, message) => {
    const asked = callTool({ name: "modern", tool: "echo", ...options });
    await expect(asked).rejects.toThrow(UsageError);
    await expect(asked).rejects.toThrow(message);
  });

  it("carries the token nowhere that a redirect leads", async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer(({ headers }, response) => {
      seen.push(headers.authorization);
      response.end();
    });
    const elsewhere = await listen(other);
    const redirecting = createServer((_, response) =>
      response.writeHead(307, { location: `http://${elsewhere}/` }).end(),
    );
    const address = await listen(redirecting);
    try {
      const asked = callTool({ name: "modern", tool: "echo", gateway: `http://${address}` });
      await expect(asked).rejects.toThrow("answered with a redirect (HTTP 307), which is not followed");
      expect(seen).toEqual([]);
    } finally {
      await Promise.all([other, redirecting].map((server) => once(server.close(), "close")));
    }
  });
});

describe("slipway connect", () => {
  let api: TestApiServer;

  beforeAll(async () => {
    api = await startTestApiServer();
    using client = await createKubeClient({ kubeconfigPath: api.kubeconfig });
    for (const [name, url] of [
      ["files", `${gateway.url}/default/files/mcp`],
      ["plain", "http://mcp.example.com/default/plain/mcp"],
      ["new", undefined],
    ] as const) {
      const deployment = {
        apiVersion: "slipway.dev/v1alpha1",
        kind: "RuntimeDeployment",
        metadata: { name, namespace: "default" },
        spec: { source: { image: { reference: "x/y:1" } } },
      };
      const key = { namespace: "default", name };
      await client.patch(runtimeDeployments, key, {
        type: "apply",
        body: deployment,
        fieldManager: "test",
        force: true,
      });
      const body = { status: url === undefined ? { phase: "Pending" } : { phase: "Connected", url } };
      await client.patch(runtimeDeployments, key, { type: "merge", body }, { subresource: "status" });
    }
  });
  afterAll(async () => {
    await api?.[Symbol.asyncDispose]();
  });

  const connectTo = (options: Partial<ConnectOptions>, changes?: Parameters<typeof contextFor>[2]) =>
    run(
      (context) => connect({ name: "files", client: "json", kubeconfig: api.kubeconfig, ...options }, context),
      changes,
    );

  it("prints a place for a token where the gateway asks for one, and none of those that it knows", async () => {
    const { out, err } = await connectTo({ client: "vscode" });
    expect(JSON.parse(out)).toMatchObject({
      inputs: [{ id: "slipway-token", password: true }],
      servers: {
        files: {
          url: `${gateway.url}/default/files/mcp`,
          headers: { Authorization: expect.stringContaining("input:slipway-token") },
        },
      },
    });
    expect(out).not.toContain(api.adminToken);
    expect(err).toMatch(/^NOTE VS Code asks for the token/);
  });

  it("writes a token that is given, of a file too, and warns of what is not encrypted", async () => {
    expect((await connectTo({ token: "t0ken" })).out).toContain('"Bearer t0ken"');
    expect((await connectTo({ token: "-" }, { stdin: "piped-token\n" })).out).toContain('"Bearer piped-token"');
    await expect(connectTo({ name: "plain", token: "t0ken" })).rejects.toThrow("is not encrypted, and the token would");
    await expect(connectTo({ token: "two words" })).rejects.toThrow(/^--token: is no bearer token/);
    expect((await connectTo({ name: "plain" })).err).toMatch(/^WARNING http:\/\/mcp.example.com/);
  });

  it("edits the client's file, once, and never what leads elsewhere unless by force", async () => {
    const env = { HOME: join(folder, "ann") };
    const file = join(env.HOME, ".cursor/mcp.json");
    const first = await connectTo({ client: "cursor", write: true }, { env });
    expect(first.out).toBe(`added mcpServers.files to ${file}\n`);
    const text = readFileSync(file, "utf8");
    expect(JSON.parse(text).mcpServers.files.url).toBe(`${gateway.url}/default/files/mcp`);
    const again = await connectTo({ client: "cursor", write: true }, { env });
    expect(again.out).toContain("leads to");
    expect(again.out).toContain("already; nothing was changed");
    const taken = connectTo({ name: "plain", as: "files", client: "cursor", write: true }, { env });
    await expect(taken).rejects.toThrow(
      `mcpServers.files leads to ${gateway.url}/default/files/mcp; choose another name with --as`,
    );
    expect(readFileSync(file, "utf8")).toBe(text);
    const forced = await connectTo({ name: "plain", as: "files", client: "cursor", write: true, force: true }, { env });
    const [, backup = ""] = /as it was before: (.*)\n/.exec(forced.out) ?? [];
    expect(readFileSync(backup, "utf8")).toBe(text);
    expect(JSON.parse(readFileSync(file, "utf8")).mcpServers.files.url).toContain("mcp.example.com");
  });

  it("closes a file that others can read when it puts a token there, and says so", async () => {
    const file = join(folder, "shared.json");
    writeFileSync(file, "{}");
    chmodSync(file, 0o644);
    const options: Partial<ConnectOptions> = { client: "cursor", write: true, file };
    expect((await connectTo({ ...options, as: "first" })).err).not.toContain(file);
    expect(statSync(file).mode & 0o777).toBe(0o644);
    const { err } = await connectTo({ ...options, as: "second", token: "t0ken" });
    expect(err).toContain(`NOTE ${file} was open to other users`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await connectTo({ ...options, as: "third", token: "t0ken" })).err).not.toContain(file);
  });

  it("changes nothing of a file that does not parse", async () => {
    const file = join(folder, "broken.json");
    writeFileSync(file, '{"servers": {');
    const asked = connectTo({ client: "vscode", write: true, file });
    await expect(asked).rejects.toThrow(
      `${file} was not changed, since it cannot be read: line 1, column 14: CloseBraceExpected`,
    );
    expect(readFileSync(file, "utf8")).toBe('{"servers": {');
  });

  it.each<[Partial<ConnectOptions>, string]>([
    [{ client: "emacs" }, "--client"],
    [{ as: "a b" }, "--as"],
    [{ file: "x.json" }, "--file and --force belong to --write"],
    [{ write: true }, "--client json is nobody's"],
  ])("takes %j for what cannot be meant", async (options, message) => {
    const asked = connectTo(options);
    await expect(asked).rejects.toThrow(UsageError);
    await expect(asked).rejects.toThrow(message);
  });

  it.each([
    ["new", "default/new has no URL yet; 'slipway status new -n default' tells more"],
    ["absent", 'there is no RuntimeDeployment "absent" in namespace "default"'],
  ])("says what is missing of %s", async (name, message) => {
    await expect(connectTo({ name })).rejects.toThrow(message);
  });
});
