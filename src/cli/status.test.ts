import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { type StatusOptions, status } from "./status.ts";
import { UsageError } from "./usage-error.ts";

const DEPLOYMENTS = "/apis/slipway.dev/v1alpha1/namespaces/default/runtimedeployments";
const EVERYWHERE = "/apis/slipway.dev/v1alpha1/runtimedeployments";
const BACKENDS = "/apis/slipway.dev/v1alpha1/runtimebackends";

const hourAgo = new Date(Date.now() - 3 * 3_600_000).toISOString();
const condition = (type: string, value: string, reason: string, message: string) => ({
  ...{ type, status: value, reason, message, lastTransitionTime: hourAgo },
});
const typeMeta = { apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment" };
const metadata = (name: string, namespace: string) => ({
  ...{ name, namespace, uid: name, resourceVersion: "1" },
  creationTimestamp: hourAgo,
});

const connected = {
  ...typeMeta,
  metadata: metadata("files", "default"),
  spec: { backend: "docker" },
  status: {
    phase: "Connected",
    url: "http://127.0.0.1:40001/mcp",
    conditions: [condition("Ready", "True", "Connected", "MCP answered")],
    workload: { backend: "docker", restartCount: 2, image: "img@sha256:1" },
    mcp: {
      protocolVersion: "2026-07-28",
      serverInfo: { name: "fs", version: "1.2" },
      tools: 70,
      toolNames: ["read", "write"],
    },
  },
};
const failing = {
  ...typeMeta,
  metadata: metadata("broken", "default"),
  spec: {},
  status: { phase: "Error", conditions: [condition("Ready", "False", "ProbeRefused", "nothing\nlistens\u001b[2J")] },
};
const fresh = { ...typeMeta, metadata: metadata("new", "default"), spec: {} };
const backend = {
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeBackend",
  metadata: { name: "docker", uid: "b", resourceVersion: "1", creationTimestamp: hourAgo },
  spec: { type: "docker" },
  status: {
    version: "20.10.5",
    deployments: 3,
    conditions: [condition("Available", "False", "BackendUnavailable", "socket is gone")],
  },
};

let directory: string;
let server: Server;
let answers: Record<string, unknown>;
let paths: string[];

const list = (items: unknown[], next?: string) => ({
  ...{ apiVersion: "v1", kind: "List" },
  metadata: { resourceVersion: "1", ...(next ? { continue: next } : {}) },
  items,
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-status-"));
  paths = [];
  answers = {
    [DEPLOYMENTS]: list([connected, failing, fresh]),
    [EVERYWHERE]: list([connected]),
    [BACKENDS]: list([backend]),
  };
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://api");
    paths.push(url.pathname + url.search);
    const body = answers[url.pathname + (url.searchParams.has("continue") ? "#2" : "")];
    const refusal = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" };
    const denied = { ...refusal, code: 403, reason: "Forbidden", message: "you may not list it" };
    const missing = { ...refusal, code: 404, reason: "NotFound", message: "not found" };
    const [code, answer] = body === "forbidden" ? [403, denied] : body === undefined ? [404, missing] : [200, body];
    response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const config = {
    clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }],
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  await writeFile(join(directory, "kubeconfig"), JSON.stringify(config));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

const api = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function run(options: StatusOptions = {}) {
  const [stdout, stderr]: string[][] = [[], []];
  const code = await status(
    { kubeconfig: join(directory, "kubeconfig"), ...options },
    {
      stdout: { write: (chunk) => stdout?.push(String(chunk)) },
      stderr: { write: (chunk) => stderr?.push(String(chunk)) },
      env: {},
      signal: new AbortController().signal,
    },
  );
  return { code, stdout: stdout?.join("") ?? "", stderr: stderr?.join("") ?? "" };
}

describe("slipway status", () => {
  it("shows deployments and backends, and why one is not ready", async () => {
    const { code, stdout, stderr } = await run();
    expect(stdout).toBe(
      [
        "NAME     PHASE       READY     TOOLS   RESTARTS   AGE   URL",
        "broken   Error       False     -       0          3h    -",
        "  ProbeRefused: nothing listens [2J",
        "files    Connected   True      70      2          3h    http://127.0.0.1:40001/mcp",
        "new      Pending     Unknown   -       0          3h    -",
        "",
        "BACKEND   TYPE     AVAILABLE   DEPLOYMENTS   VERSION",
        "docker    docker   False       3             20.10.5",
        "  BackendUnavailable: socket is gone",
        "",
      ].join("\n"),
    );
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("shows all namespaces with -A, page by page", async () => {
    answers[EVERYWHERE] = list([connected], "more");
    answers[`${EVERYWHERE}#2`] = list([{ ...failing, metadata: metadata("broken", "team-b") }]);
    const { stdout } = await run({ allNamespaces: true });
    expect(
      stdout
        .split("\n")
        .slice(0, 3)
        .map((line) => line.split(/ +/).slice(0, 2)),
    ).toEqual([
      ["NAMESPACE", "NAME"],
      ["default", "files"],
      ["team-b", "broken"],
    ]);
    expect(paths.filter((path) => path.startsWith(EVERYWHERE))).toEqual([
      `${EVERYWHERE}?limit=500`,
      `${EVERYWHERE}?limit=500&continue=more`,
    ]);
  });

  it("says so where there is nothing", async () => {
    answers = { [DEPLOYMENTS]: list([]), [BACKENDS]: list([]) };
    expect((await run()).stdout).toBe("No RuntimeDeployments in namespace default.\n\nNo RuntimeBackends.\n");
  });

  it("shows one in full", async () => {
    answers[`${DEPLOYMENTS}/files`] = connected;
    const { stdout } = await run({ name: "files" });
    expect(stdout).toContain("URL:         http://127.0.0.1:40001/mcp\n");
    expect(stdout).toContain("MCP:         fs 1.2 (2026-07-28)\n");
    expect(stdout).toContain("Tools:       70 read, write, …\n");
    expect(stdout).toMatch(/^Ready +True +Connected +MCP answered$/m);
  });

  it("shows what it uses, asked of the gateway with the same token", async () => {
    const status = { ...connected.status, guardrails: { limits: { cpu: "500m", memory: "512Mi" } } };
    answers[`${DEPLOYMENTS}/files`] = { ...connected, status };
    answers["/-/namespaces/default/runtimedeployments/files/usage"] = {
      instances: 1,
      cpuMillis: 20,
      memoryBytes: 2 ** 26,
    };
    const { stdout } = await run({ name: "files", gateway: api() });
    expect(stdout).toMatch(/^Use: +1 instance, CPU 20m of 500m, memory 64Mi of 512Mi$/m);
  });

  it.each([
    {
      because: "no gateway is named",
      gateway: () => undefined,
      want: /^Use: +unknown: no gateway is named; .*--gateway/m,
    },
    {
      because: "nobody answers",
      gateway: () => "http://127.0.0.1:1",
      want: /^Use: +unknown: gateway http:\/\/127.0.0.1:1: connect ECONNREFUSED/m,
    },
    { because: "it may not be known", gateway: () => api(), want: /^Use: +unknown: you may not list it$/m },
  ])("shows the rest where $because, and says so", async ({ gateway, want }) => {
    answers[`${DEPLOYMENTS}/files`] = connected;
    answers["/-/namespaces/default/runtimedeployments/files/usage"] = "forbidden";
    const named = gateway();
    const { code, stdout } = await run({ name: "files", ...(named !== undefined && { gateway: named }) });
    expect(stdout).toMatch(want);
    expect(stdout).toMatch(/^Ready +True +Connected +MCP answered$/m);
    expect(code).toBe(0);
  });

  it("asks nobody what a deployment uses that runs nowhere", async () => {
    answers[`${DEPLOYMENTS}/new`] = fresh;
    expect((await run({ name: "new", gateway: api() })).stdout).not.toContain("Use:");
    expect(paths).toEqual([`${DEPLOYMENTS}/new`]);
  });

  it("shows how far its guardrails are enforced", async () => {
    const guardrails = {
      profile: "standard",
      bounds: ["namespace default: standard"],
      limits: { cpu: "500m", memory: "512Mi", pids: 100 },
      fields: [
        { field: "network.allowedHosts", enforcement: "Enforced", reason: "only 3 listed hosts" },
        { field: "appArmor", enforcement: "Partial", reason: "profile x\nis not loaded" },
      ],
      warnings: [
        { field: "appArmor", message: "profile x is not loaded", backend: "docker", severity: "Info" },
        { field: "recommendedBackends", message: "meant for another", backend: "docker", severity: "Info" },
      ],
    };
    answers[`${DEPLOYMENTS}/files`] = { ...connected, status: { ...connected.status, guardrails } };
    const { stdout } = await run({ name: "files" });
    expect(stdout).toContain("Guardrails:   standard\n");
    expect(stdout).toContain("Bounds:       namespace default: standard\n");
    expect(stdout).toContain("Limits:       cpu 500m, memory 512Mi, pids 100\n");
    expect(stdout.split("\n\n").slice(-2).join("\n\n")).toBe(
      [
        "GUARDRAIL              ENFORCEMENT   REASON",
        "network.allowedHosts   Enforced      only 3 listed hosts",
        "appArmor               Partial       profile x is not loaded",
        "",
        "Info: recommendedBackends: meant for another",
        "",
      ].join("\n"),
    );
  });

  it("shows how its build went, and the end of what it printed", async () => {
    const build = {
      key: "k",
      backend: "cloud",
      phase: "Failed",
      attempt: 2,
      commit: "0123abcd",
      logTail: ["a", "\u001b[2Jb"],
    };
    answers[`${DEPLOYMENTS}/files`] = { ...connected, status: { ...connected.status, build } };
    const { stdout } = await run({ name: "files" });
    expect(stdout).toMatch(/^Build: +Failed on cloud, attempt 2, commit 0123abcd$/m);
    expect(stdout.endsWith("LAST LINES OF THE BUILD\n  a\n   [2Jb\n")).toBe(true);
  });

  it("gives the objects as they are", async () => {
    answers[`${DEPLOYMENTS}/files`] = connected;
    expect(JSON.parse((await run({ name: "files", output: "json" })).stdout)).toEqual(connected);
    expect(parse((await run({ name: "files", output: "yaml" })).stdout)).toEqual(connected);
    expect(JSON.parse((await run({ output: "json" })).stdout)).toMatchObject({
      kind: "List",
      items: [connected, failing, fresh, backend],
    });
  });

  it("shows what it can when a part cannot be read, and fails", async () => {
    answers[BACKENDS] = "forbidden";
    const { code, stdout, stderr } = await run();
    expect(stdout).toContain("files    Connected");
    expect([code, stderr]).toEqual([1, "ERROR runtimebackends: you may not list it\n"]);
  });

  it("fails when nothing can be read", async () => {
    answers = { [DEPLOYMENTS]: "forbidden", [BACKENDS]: "forbidden" };
    await expect(run()).rejects.toThrow("you may not list it");
  });

  it("fails for one that is not there, with a remedy", async () => {
    await expect(run({ name: "nix" })).rejects.toThrow(
      `runtimedeployment "nix" not found in namespace "default"; 'slipway status -A' shows all`,
    );
  });

  it.each<{ because: string; options: StatusOptions; message: RegExp }>([
    { because: "the format is not known", options: { output: "xml" }, message: /^-o: "xml".*table, json or yaml/ },
    { because: "a name is in one namespace", options: { name: "a", allNamespaces: true }, message: /^-A: "a"/ },
    {
      because: "all and one namespace contradict",
      options: { namespace: "a", allNamespaces: true },
      message: /^-A: .*"a"/,
    },
  ])("is used wrongly when $because", async ({ options, message }) => {
    const failure = run(options);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(UsageError);
  });
});
