import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { certificatesIn } from "../../src/admission-webhook/certificate.ts";
import { runtimeDeployments } from "../../src/api/v1alpha1/index.ts";
import { createKubeClient } from "../../src/machinery/http-kube-client.ts";
import { ClusterProcess, type DefaultObject } from "../support/cluster/cluster-process.ts";
import { eventually } from "../support/eventually.ts";
import type { Kubectl } from "../support/kubectl.ts";
import { SlipwayProcess } from "../support/slipway-process.ts";

/** `slipway controller` as the admission of an API server that somebody else runs. */

jest.setTimeout(120_000);

const HOST = "slipway-webhook.slipway-system.svc";
const typed = { apiVersion: "slipway.dev/v1alpha1" };
const backend = (spec: object = {}): DefaultObject => ({
  ...{ ...typed, kind: "RuntimeBackend", metadata: { name: "box" } },
  spec: { type: "remote", remote: { allowedCidrs: ["10.0.0.0/8"] }, ...spec },
});
const unreadable: DefaultObject = {
  ...{ ...typed, kind: "GuardrailProfile", metadata: { name: "unreadable" } },
  spec: { network: { egressAllowed: true, allowedHosts: ["https://a.test/x"] } },
};
const deployment = (name: string, finalizers: readonly string[] = []) => ({
  ...{ ...typed, kind: "RuntimeDeployment", metadata: { name, namespace: "default", finalizers } },
  spec: { source: { image: { reference: "registry.test/x:1" } } },
});

interface Configuration {
  readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

async function bundlesOf(kubectl: Kubectl): Promise<string[]> {
  const kinds = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];
  const found = await Promise.all(kinds.map((kind) => kubectl.get<Configuration>(kind, "slipway-guardrails")));
  return found.flatMap(({ webhooks }) => webhooks.map(({ clientConfig }) => clientConfig.caBundle ?? ""));
}

/** The fingerprint of what is served at that port to whoever trusts these authorities, by that name. */
function servedAt(port: number, servername: string, ca: string | string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername, ca }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? "");
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

describe("replicas with a CA of their own", () => {
  let first: ClusterProcess;
  let second: ClusterProcess;
  let kubectl: Kubectl;
  let before: string;

  beforeAll(async () => {
    first = await ClusterProcess.prepare({ defaults: [unreadable, backend()] });
    kubectl = first.kubectl;
    second = await ClusterProcess.prepare({ cluster: first.cluster });
    await first.start();
    await first.untilAsked();
    await second.start();
    await eventually("the second is ready", () => second.isReady());
  });
  afterAll(async () => {
    await second?.[Symbol.asyncDispose]();
    await first?.[Symbol.asyncDispose]();
  });

  it("serve one certificate, for the name of the Service, by an authority that each webhook trusts", async () => {
    const bundles = await bundlesOf(kubectl);
    expect(new Set(bundles).size).toBe(1);
    const ca = certificatesIn(Buffer.from(bundles[0] ?? "", "base64").toString("utf8"));
    expect(ca).toHaveLength(1);
    before = await servedAt(first.webhookPort, HOST, ca);
    expect(await servedAt(second.webhookPort, `${HOST}.cluster.local`, ca)).toBe(before);
    await expect(servedAt(first.webhookPort, "localhost", ca)).rejects.toThrow(/does not match/);
  });

  it("keep it in Secrets that kubectl knows as certificates", async () => {
    const secrets = await kubectl.run(["get", "secrets", "-n", "slipway-system"]);
    expect(secrets).toMatch(/^slipway-webhook-ca +kubernetes\.io\/tls +3 /m);
    expect(secrets).toMatch(/^slipway-webhook-tls +kubernetes\.io\/tls +3 /m);
  });

  it("change nothing else of the configurations", async () => {
    const { metadata } = await kubectl.get<{ metadata: { managedFields: object[] } }>(
      ...["mutatingwebhookconfiguration", "slipway-guardrails", "--show-managed-fields"],
    );
    const fields = metadata.managedFields as { manager: string; fieldsV1: object }[];
    const own = fields.find(({ manager }) => manager === "slipway-webhook-ca");
    expect(own?.fieldsV1).toEqual({
      "f:webhooks": { 'k:{"name":"stamps.admission.slipway.dev"}': { "f:clientConfig": { "f:caBundle": {} } } },
    });
  });

  it("apply what is declared for the start, again when it changes, and tell of what is refused", async () => {
    const stored = () => kubectl.get<{ spec: { remote: object } }>("rtb", "box");
    await eventually("the backend is there", async () => (await kubectl.try(["get", "rtb", "box"])).code === 0);
    await eventually("what is refused is told", () =>
      /default not applied.*GuardrailProfile unreadable: .*allowedHosts\[0\]/.test(first.output),
    );
    expect((await kubectl.try(["get", "grp", "unreadable"])).stderr).toContain("NotFound");
    first.writeDefault(backend({ remote: { allowedCidrs: ["10.1.0.0/16"] } }));
    await eventually("the change is there", async () => {
      const { spec } = await stored();
      return JSON.stringify(spec.remote).includes("10.1.0.0/16");
    });
  });

  it("make another authority for one that is gone, and trust both while the former's certificate is served", async () => {
    await kubectl.run(["delete", "secret", "slipway-webhook-ca", "-n", "slipway-system"]);
    const ca = await eventually("both are trusted", async () => {
      const bundles = new Set(await bundlesOf(kubectl));
      const [bundle = ""] = bundles;
      const pems = certificatesIn(Buffer.from(bundle, "base64").toString("utf8"));
      return bundles.size === 1 && pems.length === 2 && pems;
    });
    expect(await servedAt(first.webhookPort, HOST, ca)).toBe(before);
    await first.untilAsked();
  });

  it("are refused for while none of them answers, but for the controller's own writes", async () => {
    await kubectl.apply(deployment("held", ["example.com/held"]));
    await second.terminate();
    await first.kill9();
    const { stderr } = await kubectl.try(["create", "-f", "-"], { input: JSON.stringify(deployment("refused")) });
    expect(stderr).toContain('failed calling webhook "stamps.admission.slipway.dev"');
    const label = await kubectl.try(["label", "rtd", "held", "a=b"]);
    expect(label.stderr).toContain("failed calling webhook");
    // A deployment must be able to go.
    using own = await createKubeClient({ kubeconfigPath: first.controllerKubeconfig });
    const key = { namespace: "default", name: "held" };
    const options = { fieldManager: "slipway-controller" };
    const status = { type: "merge", body: { status: { phase: "Stopped" } } } as const;
    await own.patch(runtimeDeployments, key, status, { ...options, subresource: "status" });
    const finalizers = { type: "merge", body: { metadata: { finalizers: null } } } as const;
    await own.patch(runtimeDeployments, key, finalizers, options);
    const patch = ["--subresource=status", "--type=merge", "-p", JSON.stringify(status.body)];
    expect((await kubectl.try(["patch", "rtd", "held", ...patch])).stderr).toContain("failed calling webhook");
  });

  it("answer again where they listen again", async () => {
    await first.start();
    await first.untilAsked();
    expect(await first.isReady()).toBe(true);
    await kubectl.run(["delete", "rtd", "held", "--wait=false"]);
  });
});

describe("a replica with certificates of somebody else", () => {
  let process: ClusterProcess;
  beforeAll(async () => {
    process = await ClusterProcess.prepare({ certificates: "files", args: ["--watch-namespace", "default"] });
    await process.start();
    await process.untilAsked();
  });
  afterAll(async () => {
    await process?.[Symbol.asyncDispose]();
  });

  it("tells who declares something where it does not look", async () => {
    const { kubectl } = process;
    await kubectl.run(["create", "namespace", "elsewhere"]);
    const declared = async (namespace: string) => {
      const object = deployment("told");
      const input = JSON.stringify({ ...object, metadata: { ...object.metadata, namespace } });
      return await kubectl.try(["create", "--dry-run=server", "-f", "-"], { input });
    };
    const said = 'this Slipway does not watch "elsewhere", so nobody runs this deployment';
    expect(await declared("elsewhere")).toMatchObject({ code: 0, stderr: expect.stringContaining(said) });
    expect((await declared("default")).stderr).not.toContain("does not watch");
  });

  it("serves another one without a restart, makes none, and patches nothing", async () => {
    const pid = process.pid;
    writeFileSync(join(process.certificates, "tls.crt"), "broken");
    await eventually("it is told", () => /tls\.crt and tls\.key of .* the former goes on/.test(process.output));
    await process.untilAsked();
    const ca = await process.writeCertificate();
    const { webhookHost } = process.cluster;
    await eventually("the next is served", () => servedAt(process.webhookPort, webhookHost, ca).then(() => true));
    const { code } = await process.kubectl.try(["get", "secret", "slipway-webhook-ca", "-n", "slipway-system"]);
    expect([code, process.pid]).toEqual([1, pid]);
    const bundles = await bundlesOf(process.kubectl);
    expect(bundles).not.toContain(Buffer.from(ca).toString("base64"));
    await process.register();
    await process.untilAsked();
  });
});

it.each([
  { args: ["--webhook-certificates", "/nowhere"], want: "--webhook-certificates: nothing is served with them" },
  { args: ["--webhook-listen", "here"], want: '--webhook-listen: "here" is not HOST:PORT' },
])("is refused: $args", async ({ args, want }) => {
  await using process = new SlipwayProcess();
  expect(await process.command("controller", "--kubeconfig", "/dev/null", ...args)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(want),
  });
});
