import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { buildQuickstartImage } from "../examples/quickstart/build-image.ts";
import { type RuntimeDeployment, runtimeBackends, runtimeDeployments } from "../src/api/v1alpha1/index.ts";
import { createKubeClient } from "../src/machinery/http-kube-client.ts";
import { DEFAULT_SOCKET, engineAddress } from "./engine/engine-address.ts";
import { engineIfPossible } from "./ensure-engine.ts";
import { DATA_DIR, KUBECONFIG, LOG_FILE, PID_FILE, runningPid, stopServer } from "./local-server.ts";
import { ensureSandboxImage } from "./sandbox-image.ts";

/**
 * What `make run` does after the build: an Engine and two images where there can be one, a server in the background, and proof
 * that it works.
 */
const DEFAULT_PORTS = { "--listen": 6443, "--gateway-listen": 7080, "--metrics-listen": 7090 };
const QUICKSTART = "examples/quickstart";
/** From npm installing a package on a slow line to the probe's answer. */
const CONNECTED_WITHIN_MS = 180_000;

try {
  const hasEngine = await engineIfPossible();
  if (hasEngine) {
    await ensureSandboxImage();
    await buildQuickstartImage();
  }
  await startServer(hasEngine ? QUICKSTART : `${QUICKSTART}/package.yaml`);
  if (hasEngine) await useEngine(engineAddress());
  const names = hasEngine ? ["everything", "everything-npm"] : ["everything-npm"];
  const deployments = await Promise.all(names.map(connected));
  for (const deployment of deployments) show(deployment);
  showNext(names[0] ?? "");
} catch (error) {
  console.error(`make run: ${(error as Error).message}`);
  process.exitCode = 1;
}

/** `manifests`: the file or folder that is applied at the start. */
async function startServer(manifests: string): Promise<void> {
  const before = runningPid();
  if (before !== undefined) {
    console.log("Restarting Slipway; the containers run on.");
    await stopServer(before);
  }
  mkdirSync(DATA_DIR, { recursive: true, mode: 0o700 });
  rmSync(`${DATA_DIR}/endpoints.json`, { force: true });
  const log = openSync(LOG_FILE, "w", 0o600);
  const listeners = await Promise.all(Object.entries(DEFAULT_PORTS).map(listenFlags));
  const child = spawn("./bin/slipway", ["up", "--data-dir", DATA_DIR, "-f", manifests, ...listeners.flat()], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`slipway up ended with ${code}:\n${readFileSync(LOG_FILE, "utf8")}`)),
    );
  });
  writeFileSync(PID_FILE, String(child.pid));
  await Promise.race([ended, ready()]);
}

/** Other clusters on this machine like the same ports: then any free one serves as well. */
async function listenFlags([flag, port]: [string, number]): Promise<string[]> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    console.log(`Port ${port} is in use; taking a free one for ${flag}.`);
    return [flag, "127.0.0.1:0"];
  } finally {
    server.close();
  }
}

async function ready(): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!readFileSync(LOG_FILE, "utf8").includes("ready")) {
    if (Date.now() > deadline) throw new Error(`slipway up was not ready within 60 s; see ${LOG_FILE}`);
    await sleep(50);
  }
}

/** The place of containers was made when the server first started, which may have been without an Engine, or with another. */
async function useEngine(host: string): Promise<void> {
  using client = await createKubeClient({ kubeconfigPath: KUBECONFIG });
  const key = { namespace: "", name: "docker" };
  const { spec } = await client.get(runtimeBackends, key);
  if ((spec.docker?.host ?? `unix://${DEFAULT_SOCKET}`) === host) return;
  await client.patch(runtimeBackends, key, { type: "merge", body: { spec: { docker: { host } } } });
}

async function connected(name: string): Promise<RuntimeDeployment> {
  using client = await createKubeClient({ kubeconfigPath: KUBECONFIG });
  const deadline = Date.now() + CONNECTED_WITHIN_MS;
  let shown = "";
  for (;;) {
    const deployment = await client.get(runtimeDeployments, { namespace: "default", name });
    const condition = deployment.status?.conditions?.find(({ type }) => type === "Ready");
    const line = `  ${name}: ${deployment.status?.phase ?? "Pending"}: ${condition?.message ?? "waiting for the controller"}`;
    if (line !== shown) console.log(line);
    shown = line;
    if (deployment.status?.phase === "Connected") return deployment;
    if (Date.now() > deadline) throw new Error(`${name} was not Connected within 3 min; see ${LOG_FILE}`);
    await sleep(200);
  }
}

function show({ metadata, status }: RuntimeDeployment): void {
  const { serverInfo, protocolVersion, tools, toolNames = [] } = status?.mcp ?? {};
  console.log(`
${metadata.name} is Connected
  URL     ${status?.url}
  Server  ${serverInfo?.name} ${serverInfo?.version}, MCP ${protocolVersion}, on ${status?.workload?.backend}
  Tools   ${tools}: ${toolNames.join(", ")}`);
}

function showNext(name: string): void {
  console.log(`
Next:
  export KUBECONFIG=$PWD/${KUBECONFIG}
  kubectl get slipway -A              # or ./bin/slipway status
  ./bin/slipway call ${name} echo --args '{"message": "hello"}'
  ./bin/slipway connect ${name} --client cursor    # or vscode, claude-desktop, json; --write puts it there

'make stop' ends it and removes what runs.`);
}
