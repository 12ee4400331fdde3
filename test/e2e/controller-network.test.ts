import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { API_VERSION, type RuntimeBackend, type RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { ownSandboxImage } from "../../src/backends/docker/sandbox/sandbox-settings.ts";
import { admissionPlugins } from "../../src/cli/admission-plugins.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { kubeconfigOf, startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { chartOf } from "../support/chart.ts";
import { type EngineCertificates, engineCertificates, tlsFlags } from "../support/engine-certificates.ts";
import { copyImage } from "../support/escape/copy-image.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage, MCP_IMAGE } from "../support/images.ts";
import { Kubectl } from "../support/kubectl.ts";
import { connectClient } from "../support/mcp/clients.ts";
import { NetworkNamespace, whyNoNetworkNamespaces } from "../support/network-namespace.ts";
import { OwnEngine } from "../support/own-engine.ts";

jest.setTimeout(180_000);

/**
 * The controller as a pod has it: with the flags and the rights of the chart, in a network of its own, with an Engine on another machine.
 * Three networks are on this one machine: the cluster's with the API, the controller's, and the Engine's, and no way leads from the first
 * to the last.
 */
const RANGE = `10.219.${process.pid % 256}`;
const CLUSTER = { api: `${RANGE}.1`, controller: `${RANGE}.2` };
const MACHINES = { controller: `${RANGE}.5`, engine: `${RANGE}.6` };
/** What its container is started with. */
const CHART = chartOf({ gateway: { url: `http://${CLUSTER.controller}:7080` } });
const GATEWAY = `http://${CLUSTER.controller}:7080`;
const SLIPWAY = join(import.meta.dirname, "../../bin/slipway");

const reason = whyNoNetworkNamespaces();
const describeWithNetworks = reason === undefined ? describe : describe.skip;

describeWithNetworks(`a controller in a network of its own${reason === undefined ? "" : ` (${reason})`}`, () => {
  const stack = new AsyncDisposableStack();
  let api: TestApiServer;
  let kubectl: Kubectl;
  let certificates: EngineCertificates;
  let output = "";

  beforeAll(async () => {
    const pod = stack.use(new NetworkNamespace());
    const machine = stack.use(new NetworkNamespace());
    NetworkNamespace.connect({ address: CLUSTER.api }, { namespace: pod, address: CLUSTER.controller });
    NetworkNamespace.connect(
      { namespace: pod, address: MACHINES.controller },
      { namespace: machine, address: MACHINES.engine },
    );
    const folder = mkdtempSync(join(tmpdir(), "slipway-network-"));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    certificates = await engineCertificates(MACHINES.engine);
    const args = tlsFlags(folder, MACHINES.engine, certificates);
    const engine = stack.use(new OwnEngine({ network: machine, args }));
    await Promise.all([engine.start(), ensureMcpImage()]);
    for (const image of [MCP_IMAGE, ownSandboxImage()]) await copyImage(image, engineClient(), engine.client);

    const admission = (reader: Parameters<typeof admissionPlugins>[0]) =>
      admissionPlugins(reader, { clock: systemClock });
    api = stack.use(await startTestApiServer({ host: CLUSTER.api, admission }));
    kubectl = new Kubectl(api.kubeconfig);
    const own = CHART.objects.filter(({ kind }) => /^(ServiceAccount|(Cluster)?Role(Binding)?)$/.test(kind));
    const input = own.map((each) => JSON.stringify(each)).join("\n");
    await kubectl.run(["apply", "--server-side", "--force-conflicts", "-f", "-"], { input });
    await kubectl.apply(tlsSecret(certificates));
    const child = startController(pod, await controllerKubeconfig(folder));
    stack.defer(() => ended(child));
    await eventually("the controller listens", () => output.includes("slipway controller listens"), {
      explain: () => output,
    });
  });
  afterAll(() => stack.disposeAsync());

  /** With the identity and the rights that it has in a cluster. */
  async function controllerKubeconfig(folder: string): Promise<string> {
    const token = await kubectl.run(["create", "token", "slipway-controller", "-n", "slipway-system"]);
    const file = join(folder, "controller.kubeconfig");
    const { url, caPem } = api;
    writeFileSync(file, JSON.stringify(kubeconfigOf({ url, caPem, name: "controller", token: token.trim() })), {
      mode: 0o600,
    });
    return file;
  }

  function startController(pod: NetworkNamespace, kubeconfig: string): ChildProcess {
    const [container] = CHART.one("Deployment", "slipway-controller").spec?.template?.spec.containers ?? [];
    const own = (container?.args ?? []).map((arg) => arg.replace("$(POD_IP)", CLUSTER.controller));
    const [program = "", ...args] = [...pod.prefix, SLIPWAY, ...own, "--kubeconfig", kubeconfig];
    // By this variable a pod is known for one.
    const env = { ...process.env, KUBERNETES_SERVICE_HOST: CLUSTER.api };
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
      });
    }
    return child;
  }

  const available = async () => {
    const { metadata, status } = await kubectl.get<RuntimeBackend>("runtimebackend", "machine");
    const isCurrent = status?.observedGeneration === metadata.generation;
    return isCurrent ? status?.conditions?.find(({ type }) => type === "Available") : undefined;
  };

  it("says that endpoints are out of its reach, and what to set", async () => {
    await kubectl.apply(backend({}));
    const condition = await eventually("the backend was asked", available, { explain: () => output });
    expect(condition).toMatchObject({ status: "False", reason: "EndpointsNotReachable" });
    for (const setting of ["bindAddress", "advertiseAddress", "allowedSources"]) {
      expect(condition.message).toContain(setting);
    }
  });

  it("says which setting is left", async () => {
    await kubectl.apply(backend({ bindAddress: MACHINES.engine, advertiseAddress: MACHINES.engine }));
    const condition = await eventually("the backend was asked", available, { explain: () => output });
    expect(condition).toMatchObject({ status: "False", reason: "EndpointsNotReachable" });
    expect(condition.message).toContain("set spec.docker.publish.allowedSources");
  });

  it("runs a restricted server there, and its gateway leads clients to it", async () => {
    const publish = {
      bindAddress: MACHINES.engine,
      advertiseAddress: MACHINES.engine,
      allowedSources: [`${MACHINES.controller}/32`],
    };
    await kubectl.apply(backend(publish));
    await eventually("the backend is available", async () => (await available())?.status === "True", {
      explain: async () => `${JSON.stringify(await available())}\n${output}`,
    });
    await kubectl.apply(deployment());
    const found = await eventually(
      "it is connected",
      async () => {
        const each = await kubectl.get<RuntimeDeployment>("rtd", "files");
        return each.status?.phase === "Connected" ? each : undefined;
      },
      { explain: async () => `${await kubectl.run(["get", "rtd", "files", "-o", "yaml"])}\n${output}` },
    );
    expect(found.status?.url).toBe(`${GATEWAY}/default/files/mcp`);
    const headers = { authorization: `Bearer ${api.adminToken}` };
    await using client = await connectClient("v2 auto", `${GATEWAY}/default/files/mcp`, headers);
    const { tools } = (await client.call("tools/list")) as { tools: readonly { name: string }[] };
    expect(tools.map(({ name }) => name)).toEqual(["far"]);

    await kubectl.run(["delete", "rtd", "files", "--timeout=60s"]);
    // The rights that the chart gives it are all that it asked for.
    expect(output).not.toMatch(/forbidden/i);
  });
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await exit;
  clearTimeout(late);
}

function tlsSecret({ ca, client }: EngineCertificates): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "machine", namespace: "slipway-system" },
    stringData: { "ca.crt": ca, "tls.crt": client.certificate, "tls.key": client.key },
  };
}

function backend(publish: object): object {
  const docker = {
    host: `tcp://${MACHINES.engine}:2376`,
    tlsSecretRef: { namespace: "slipway-system", name: "machine" },
    publish,
  };
  return {
    apiVersion: API_VERSION,
    kind: "RuntimeBackend",
    metadata: { name: "machine" },
    spec: { type: "docker", default: true, docker },
  };
}

function deployment(): object {
  return {
    apiVersion: API_VERSION,
    kind: "RuntimeDeployment",
    metadata: { name: "files", namespace: "default" },
    spec: {
      source: { image: { reference: MCP_IMAGE, pullPolicy: "Never" } },
      env: [{ name: "TOOLS", value: "far" }],
      guardrails: { profile: "restricted" },
      health: { periodSeconds: 1 },
    },
  };
}
