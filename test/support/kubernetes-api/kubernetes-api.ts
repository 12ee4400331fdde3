import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubeconfigCluster, parseKubeconfig } from "../../../src/server/access/kubeconfig.ts";
import { temporaryCertificates } from "../../../src/server/http/certificates.ts";
import { OwnServer } from "../../conformance/support/own-server.ts";
import { connect } from "../../conformance/support/target.ts";
import { kubeconfigOf } from "../api-server.ts";
import { freePort } from "../processes-under-test.ts";
import { Daemon } from "./daemon.ts";
import type { GroupList } from "./merged-documents.ts";
import type { Programs } from "./programs.ts";
import { Router, type Upstream } from "./router.ts";

const HOST = "127.0.0.1";
const CUSTOM_GROUP = "apiextensions.k8s.io";
/** What ours has no kinds for: policies of admission in CEL, and how requests are shared out. */
const LEFT_OUT = [
  "--disable-admission-plugins=ValidatingAdmissionPolicy,MutatingAdmissionPolicy",
  "--enable-priority-and-fairness=false",
];
/** kube-apiserver has tokens and roles itself and learns of a change at once; so answers about them are kept for no time. */
const ASKS_EACH_TIME = [
  "--authentication-token-webhook-cache-ttl=1ms",
  "--authorization-webhook-cache-authorized-ttl=1ms",
  "--authorization-webhook-cache-unauthorized-ttl=1ms",
];

/**
 * A Kubernetes API whose definitions, and the objects of whatever they define, are served by the code of Kubernetes itself;
 * what is built in, roles and tokens among it, is served by ours. Disposal ends all of it.
 */
export class KubernetesApi implements AsyncDisposable {
  readonly kubeconfig: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(kubeconfig: string, stack: AsyncDisposableStack) {
    this.kubeconfig = kubeconfig;
    this.#stack = stack;
  }

  static async start(programs: Programs): Promise<KubernetesApi> {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "slipway-kubernetes-"));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const core = stack.use(await OwnServer.start());
    const { cluster, token } = parseKubeconfig(await readFile(core.kubeconfig, "utf8"));
    if (cluster === undefined || token === undefined) throw new Error("the server of ours said not how to reach it");
    const etcd = await startEtcd(stack, programs.etcd, folder);
    const custom = await startCustomResources(stack, programs.server, { folder, etcd, core: core.kubeconfig });
    const coreGroups = await groupsOf(core.kubeconfig);
    const router = stack.use(await Router.start({ core: upstreamOf(cluster), custom, coreGroups }));
    const kubeconfig = join(folder, "kubeconfig");
    const { url: front, caPem: frontCa } = router;
    const config = kubeconfigOf({ url: front, caPem: frontCa, name: "admin", token });
    await writeFile(kubeconfig, JSON.stringify(config), { mode: 0o600 });
    return new KubernetesApi(kubeconfig, stack.move());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

const upstreamOf = ({ server, "certificate-authority-data": authority }: KubeconfigCluster): Upstream => ({
  url: server,
  caPem: Buffer.from(authority, "base64").toString("utf8"),
});

/** What is kept lives no longer than this process, so nothing waits for a disk. Answers its URL. */
async function startEtcd(stack: AsyncDisposableStack, program: string, folder: string): Promise<string> {
  const [clients, peers] = [`http://${HOST}:${await freePort()}`, `http://${HOST}:${await freePort()}`];
  const etcd = stack.use(
    Daemon.start(program, [
      ...["--data-dir", join(folder, "etcd"), "--unsafe-no-fsync", "--log-level=warn"],
      ...["--listen-client-urls", clients, "--advertise-client-urls", clients],
      ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
      ...["--initial-cluster", `default=${peers}`],
    ]),
  );
  await etcd.answers(`${clients}/health`);
  return clients;
}

interface Place {
  readonly folder: string;
  /** URL. */
  readonly etcd: string;
  /** Path of a kubeconfig. */
  readonly core: string;
}

async function startCustomResources(
  stack: AsyncDisposableStack,
  program: string,
  { folder, etcd, core }: Place,
): Promise<Upstream> {
  const { caPem, certificatePem, keyPem } = await temporaryCertificates([HOST, "localhost"], new Date());
  const [certificate, key] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  await writeFile(certificate, certificatePem);
  await writeFile(key, keyPem, { mode: 0o600 });
  const port = await freePort();
  const server = stack.use(
    Daemon.start(program, [
      ...["--bind-address", HOST, "--secure-port", String(port)],
      ...["--tls-cert-file", certificate, "--tls-private-key-file", key],
      ...["--etcd-servers", etcd, "--kubeconfig", core],
      ...["--authentication-kubeconfig", core, "--authentication-skip-lookup", "--authorization-kubeconfig", core],
      ...LEFT_OUT,
      ...ASKS_EACH_TIME,
    ]),
  );
  const url = `https://${HOST}:${port}`;
  await server.answers(`${url}/readyz`, caPem);
  return { url, caPem };
}

/** The groups of a server of ours that are not about custom resources. */
async function groupsOf(kubeconfig: string): Promise<ReadonlySet<string>> {
  const { client, close } = await connect(kubeconfig);
  try {
    const { groups } = (await client.get("/apis")) as unknown as GroupList;
    return new Set(groups.map(({ name }) => name).filter((name) => name !== CUSTOM_GROUP));
  } finally {
    await close();
  }
}
