import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import { API_VERSION, type RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
import { Kubectl } from "../support/kubectl.ts";
import { connectClient } from "../support/mcp/clients.ts";
import { callTool } from "../support/mcp/features.ts";

jest.setTimeout(180_000);

/** Two controllers of one cluster, as programs, and a server over stdio that the leader attaches to. */
const MAIN = join(import.meta.dirname, "../../src/main.ts");
const SERVER = {
  source: { image: { reference: QUICKSTART_IMAGE, pullPolicy: "Never" } },
  ...{ args: ["stdio"], transport: { type: "stdio" }, health: { periodSeconds: 1 } },
};
const stack = new AsyncDisposableStack();
let api: TestApiServer;
let kubectl: Kubectl;

interface Controller {
  readonly child: ChildProcess;
  readonly gateway: string;
  readonly metrics: string;
  said(): string;
}

beforeAll(async () => {
  await buildQuickstartImage(() => undefined);
  api = stack.use(await startTestApiServer());
  kubectl = new Kubectl(api.kubeconfig);
  await kubectl.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "slipway-system" } });
  const spec = { type: "docker", default: true };
  await kubectl.apply({ apiVersion: API_VERSION, kind: "RuntimeBackend", metadata: { name: "local" }, spec });
});
afterAll(() => stack.disposeAsync());

async function startController(): Promise<Controller> {
  const listen = ["--gateway-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
  const election = ["--advertise-address", "127.0.0.1", "--lease-seconds", "10"];
  const child = spawn(process.execPath, [MAIN, "controller", "--kubeconfig", api.kubeconfig, ...listen, ...election], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk));
  stack.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  });
  const urls = await eventually("it listens", () => /gateway (\S+), metrics (\S+)\n/.exec(said) ?? undefined, {
    explain: () => said,
  });
  const [, gateway = "", metrics = ""] = urls;
  return { child, gateway, metrics, said: () => said };
}

async function metricOf({ metrics }: Controller, line: string): Promise<number> {
  const text = await (await fetch(`${metrics}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((each) => each.startsWith(`${line} `))
      ?.split(" ")[1],
  );
}

it("serves clients at every replica, and goes on after the leader was killed with -9", async () => {
  const leader = await startController();
  await eventually("it leads", () => leader.said().includes("leads"), { explain: leader.said });
  const follower = await startController();
  const metadata = { name: "pipes", namespace: "default" };
  await kubectl.apply({ apiVersion: API_VERSION, kind: "RuntimeDeployment", metadata, spec: SERVER });
  const connected = async () => {
    const { status } = await kubectl.get<RuntimeDeployment>("rtd", "pipes");
    return status?.phase === "Connected";
  };
  const explain = async () => `${await kubectl.run(["get", "rtd", "pipes", "-o", "yaml"])}\n${leader.said()}`;
  await eventually("it is connected", connected, { explain });
  stack.defer(async () => void (await kubectl.run(["delete", "rtd", "pipes", "--timeout=60s"])));
  const url = `${follower.gateway}/default/pipes/mcp`;
  const client = await eventually("the follower knows who leads", () => connectClient("v1 streamable", url));
  expect(await callTool(client, "echo", { message: "m" })).toBe("Echo: m");
  const log = await fetch(`${follower.gateway}/-/namespaces/default/runtimedeployments/pipes/log`, {
    headers: { authorization: `Bearer ${api.adminToken}` },
  });
  expect([log.status, log.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
  await log.text();
  expect(await metricOf(follower, 'slipway_gateway_forwarded_requests_total{result="answered"}')).toBeGreaterThan(2);

  const atWork = Promise.withResolvers<void>();
  const long = client.call(
    "tools/call",
    { name: "trigger-long-running-operation", arguments: { duration: 60, steps: 600 } },
    { onProgress: () => atWork.resolve(), timeoutMs: 60_000 },
  );
  const told = long.then(
    () => "a result",
    (error: Error) => error.message,
  );
  await atWork.promise;
  const killedMs = performance.now();
  leader.child.kill("SIGKILL");
  expect(await told).toContain("the replica that led ended before it had answered");
  expect(performance.now() - killedMs).toBeLessThan(2_000);
  // The lease, and a look at what runs.
  const next = await eventually("the next one serves", () => connectClient("v1 streamable", url), {
    explain: follower.said,
  });
  expect(performance.now() - killedMs).toBeLessThan(30_000);
  expect(await callTool(next, "echo", { message: "again" })).toBe("Echo: again");
  // Of the former leader: the client is told to begin another, and did.
  await expect(callTool(client, "echo", { message: "m" })).rejects.toThrow(/404|session/i);
  await Promise.all([client, next].map((each) => each[Symbol.asyncDispose]()));
});
