import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { buildQuickstartImage } from "../examples/quickstart/build-image.ts";
import { type RuntimeDeployment, runtimeDeployments } from "../src/api/v1alpha1/index.ts";
import { createKubeClient } from "../src/machinery/http-kube-client.ts";
import { ensureEngine } from "./ensure-engine.ts";
import { DATA_DIR, KUBECONFIG, LOG_FILE, PID_FILE, runningPid, stopServer } from "./local-server.ts";
import { ensureSandboxImage } from "./sandbox-image.ts";

/** What `make run` does after the build: an Engine, two images, a server in the background, and proof that it works. */
const DEFAULT_PORTS = { "--listen": 6443, "--gateway-listen": 7080, "--metrics-listen": 7090 };
const DEPLOYMENT = { namespace: "default", name: "everything" };

try {
  await ensureEngine();
  await ensureSandboxImage();
  await buildQuickstartImage();
  await startServer();
  show(await connected());
} catch (error) {
  console.error(`make run: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function startServer(): Promise<void> {
  const before = runningPid();
  if (before !== undefined) {
    console.log("Restarting Slipway; the containers run on.");
    await stopServer(before);
  }
  mkdirSync(DATA_DIR, { recursive: true, mode: 0o700 });
  rmSync(`${DATA_DIR}/endpoints.json`, { force: true });
  const log = openSync(LOG_FILE, "w", 0o600);
  const listeners = await Promise.all(Object.entries(DEFAULT_PORTS).map(listenFlags));
  const child = spawn(
    "./bin/slipway",
    ["up", "--data-dir", DATA_DIR, "-f", "examples/quickstart/everything.yaml", ...listeners.flat()],
    { detached: true, stdio: ["ignore", log, log] },
  );
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

async function connected(): Promise<RuntimeDeployment> {
  const client = await createKubeClient({ kubeconfigPath: KUBECONFIG });
  const deadline = Date.now() + 180_000;
  let shown = "";
  for (;;) {
    const deployment = await client.get(runtimeDeployments, DEPLOYMENT);
    const condition = deployment.status?.conditions?.find(({ type }) => type === "Ready");
    const line = `  ${deployment.status?.phase ?? "Pending"}: ${condition?.message ?? "waiting for the controller"}`;
    if (line !== shown) console.log(line);
    shown = line;
    if (deployment.status?.phase === "Connected") return deployment;
    if (Date.now() > deadline) throw new Error(`${DEPLOYMENT.name} was not Connected within 3 min; see ${LOG_FILE}`);
    await sleep(200);
  }
}

function show({ metadata, status }: RuntimeDeployment): void {
  const { serverInfo, protocolVersion, tools, toolNames = [] } = status?.mcp ?? {};
  console.log(`
${metadata.name} is Connected
  URL     ${status?.url}
  Server  ${serverInfo?.name} ${serverInfo?.version}, MCP ${protocolVersion}
  Tools   ${tools}: ${toolNames.join(", ")}

Next:
  export KUBECONFIG=$PWD/${KUBECONFIG}
  kubectl get slipway -A              # or ./bin/slipway status
  ./bin/slipway logs ${metadata.name}

'make stop' ends it and removes the container.`);
}
