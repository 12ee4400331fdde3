import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { REQUESTERS_ANNOTATION } from "../../../src/api/v1alpha1/index.ts";
import { temporaryCertificates } from "../../../src/server/http/certificates.ts";
import { eventually } from "../eventually.ts";
import { listen } from "../listen.ts";
import { SlipwayProcess, type UpOptions } from "../slipway-process.ts";
import { type Cluster, isExternalCluster, startCluster } from "./cluster.ts";
import {
  type ClientConfig,
  installManifests,
  installWebhooks,
  removeBindings,
  removeManifests,
  removeObjects,
  removeWebhooks,
} from "./installed.ts";

export interface ClusterProcessOptions extends Pick<UpOptions, "args" | "env"> {
  /** Shares the API server of another one. */
  readonly cluster?: Cluster;
  /**
   * `own`: a CA of its own, and a Service that leads to it. `files`: certificates of somebody else, and a URL. Default: `own`.
   */
  readonly certificates?: "own" | "files";
  /** Applied by it at the start. */
  readonly defaults?: readonly DefaultObject[];
}

export interface DefaultObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

const DEFAULTS_ROLE = "slipway-defaults";
const typed = { apiVersion: "slipway.dev/v1alpha1" };
/** What the first half stamps. */
const CANARY = {
  ...{ ...typed, kind: "RuntimeDeployment", metadata: { name: "cluster-canary", namespace: "slipway-system" } },
  spec: { source: { image: { reference: "slipway.invalid/canary:0" } }, desiredState: "Stopped" },
};
/** What the second half refuses. */
const UNREADABLE = {
  ...{ ...typed, kind: "GuardrailProfile", metadata: { name: "cluster-canary" } },
  spec: { network: { egressAllowed: true, allowedHosts: ["https://example.com/"] } },
};

const PLURALS: Readonly<Record<string, string>> = {
  RuntimeBackend: "runtimebackends",
  GuardrailProfile: "guardrailprofiles",
  ApprovalPolicy: "approvalpolicies",
};

/**
 * `./bin/slipway controller` with the rights that the chart gives it, against an API server that calls it over HTTPS for
 * admission. All other parts are as in a SlipwayProcess.
 */
export class ClusterProcess extends SlipwayProcess {
  readonly cluster: Cluster;
  readonly #directory: string;
  readonly #options: ClusterProcessOptions;
  /** Whose roles are taken away in the end. */
  readonly #users = new Set<string>();
  /** Configurations of webhooks name it, and are there first. */
  readonly webhookPort: number;

  private constructor(cluster: Cluster, place: Place, options: ClusterProcessOptions) {
    super({ ...options, dataDir: place.directory });
    this.cluster = cluster;
    this.#directory = place.directory;
    this.webhookPort = place.webhookPort;
    this.#options = options;
  }

  /** Prepares the API server; nothing is started yet. */
  static async prepare(options: ClusterProcessOptions = {}): Promise<ClusterProcess> {
    const cluster = options.cluster ?? (await startCluster());
    const directory = mkdtempSync(join(tmpdir(), "slipway-controller-"));
    const made = new ClusterProcess(cluster, { directory, webhookPort: await freePort() }, options);
    writeFileSync(made.kubectl.kubeconfig, readFileSync(cluster.kubeconfig), { mode: 0o600 });
    if (!options.cluster) await installManifests(made.kubectl);
    await made.#writeCredentials();
    await made.#writeDefaults(options.defaults ?? []);
    if (options.certificates === "files") await made.writeCertificate();
    if (!options.cluster) await made.register();
    return made;
  }

  /** With its own rights. */
  get controllerKubeconfig(): string {
    return join(this.#directory, "controller.kubeconfig");
  }

  /** Where certificates of somebody else are. */
  get certificates(): string {
    return join(this.#directory, "certificates");
  }

  /** Makes another certificate of somebody else's. Answers the authority. */
  async writeCertificate(): Promise<string> {
    const made = await temporaryCertificates([this.cluster.webhookHost], new Date());
    mkdirSync(this.certificates, { recursive: true });
    writeFileSync(join(this.certificates, "tls.key"), made.keyPem, { mode: 0o600 });
    writeFileSync(join(this.certificates, "tls.crt"), made.certificatePem);
    writeFileSync(join(this.certificates, "ca.crt"), made.caPem);
    return made.caPem;
  }

  /** Has the API server ask it from now on: what is judged is refused until it answers. */
  async register(): Promise<void> {
    await installWebhooks(this.kubectl, (installed) => this.#clientConfig(installed));
    if (this.#options.certificates !== "files") await this.#publish();
  }

  /** Waits until the API server asks both halves of admission, and gets answers: it may learn of them a moment later. */
  async untilAsked(): Promise<void> {
    const ask = (object: object) =>
      this.kubectl.try(["create", "--dry-run=server", "-o", "json", "-f", "-"], { input: JSON.stringify(object) });
    const look = async () => {
      const stamped = await ask(CANARY);
      const refused = await ask(UNREADABLE);
      if (stamped.stdout.includes(REQUESTERS_ANNOTATION) && refused.stderr.includes("is a URL")) return true;
      throw new Error(`${stamped.stderr}${refused.stderr}`);
    };
    await eventually("admission is asked and answers", look, { explain: () => this.output.slice(-4_000) });
  }

  async isReady(): Promise<boolean> {
    const { statusCode, body } = await request(new URL("/readyz", this.endpoints.metrics));
    await body.dump();
    return statusCode === 200;
  }

  override async addUser(name: string, groups: readonly string[]): Promise<string> {
    this.#users.add(name);
    return await this.cluster.addUser(name, groups);
  }

  protected override program(): readonly string[] {
    const { certificates } = this.#options;
    return [
      ...["controller", "--kubeconfig", this.controllerKubeconfig],
      ...["--webhook-listen", `${this.cluster.listenHost}:${this.webhookPort}`],
      ...(certificates === "files" ? ["--webhook-certificates", this.certificates] : []),
      ...(this.#options.defaults?.length ? ["--filename", join(this.#directory, "defaults")] : []),
    ];
  }

  protected override async heard(said: string): Promise<void> {
    const [, gateway, metrics, webhook] = /gateway (\S+), metrics (\S+), webhook (\S+)\n/.exec(said) ?? [];
    if (!webhook) throw new Error(`it said nothing of a webhook: ${said}`);
    const { clusters } = JSON.parse(readFileSync(this.cluster.kubeconfig, "utf8")) as Clusters;
    const endpoints = { api: clusters[0]?.cluster.server, gateway, metrics };
    writeFileSync(join(this.#directory, "endpoints.json"), JSON.stringify(endpoints));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (isExternalCluster && !this.#options.cluster && this.pid !== undefined) await removeObjects(this.kubectl);
    } finally {
      await super[Symbol.asyncDispose]();
      if (!this.#options.cluster) await this.#leaveCluster();
      rmSync(this.#directory, { recursive: true, force: true });
    }
  }

  async #leaveCluster(): Promise<void> {
    if (isExternalCluster) {
      await removeWebhooks(this.kubectl);
      await this.kubectl.run(["delete", "--ignore-not-found", "clusterrolebinding,clusterrole", DEFAULTS_ROLE]);
      await removeBindings(this.kubectl, this.#users);
      await removeManifests(this.kubectl);
    }
    await this.cluster[Symbol.asyncDispose]();
  }

  #clientConfig({ service }: ClientConfig): ClientConfig {
    if (!service) throw new Error("the chart names a service");
    if (this.#options.certificates !== "files") return { service: { ...service, port: this.webhookPort } };
    const caBundle = readFileSync(join(this.certificates, "ca.crt")).toString("base64");
    return { url: `https://${this.cluster.webhookHost}:${this.webhookPort}${service.path}`, caBundle };
  }

  /** The Service by which it is called: it leads out of the cluster, to this machine. */
  async #publish(): Promise<void> {
    const spec = { type: "ExternalName", externalName: this.cluster.webhookHost };
    const metadata = { name: "slipway-webhook", namespace: "slipway-system" };
    await this.kubectl.apply({ apiVersion: "v1", kind: "Service", metadata, spec });
  }

  async #writeCredentials(): Promise<void> {
    const token = await this.kubectl.run([
      ...["create", "token", "slipway-controller", "-n", "slipway-system", "--duration=12h"],
    ]);
    const config = JSON.parse(readFileSync(this.cluster.kubeconfig, "utf8")) as Clusters;
    const users = config.users.map(({ name }) => ({ name, user: { token: token.trim() } }));
    writeFileSync(this.controllerKubeconfig, JSON.stringify({ ...config, users }), { mode: 0o600 });
  }

  /** With the rights on them, and on no others, as the chart gives them. */
  async #writeDefaults(defaults: readonly DefaultObject[]): Promise<void> {
    if (defaults.length === 0) return;
    mkdirSync(join(this.#directory, "defaults"));
    for (const each of defaults) this.writeDefault(each);
    const rules = defaults.map(({ kind, metadata }) => ({
      ...{ apiGroups: ["slipway.dev"], resources: [PLURALS[kind] ?? kind], resourceNames: [metadata.name] },
      verbs: ["create", "patch"],
    }));
    const [apiGroup, name] = ["rbac.authorization.k8s.io", DEFAULTS_ROLE];
    await this.kubectl.apply(
      { apiVersion: `${apiGroup}/v1`, kind: "ClusterRole", metadata: { name }, rules },
      {
        ...{ apiVersion: `${apiGroup}/v1`, kind: "ClusterRoleBinding", metadata: { name } },
        roleRef: { apiGroup, kind: "ClusterRole", name },
        subjects: [{ kind: "ServiceAccount", name: "slipway-controller", namespace: "slipway-system" }],
      },
    );
  }

  /** Puts one among the manifests that it applies, or in the place of the one of that name. */
  writeDefault(object: DefaultObject): void {
    const file = `${object.kind.toLowerCase()}-${object.metadata.name}.json`;
    writeFileSync(join(this.#directory, "defaults", file), JSON.stringify(object));
  }
}

interface Place {
  readonly directory: string;
  readonly webhookPort: number;
}

/** One that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  const host = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return Number(host.split(":")[1]);
}

interface Clusters {
  readonly clusters: readonly { readonly cluster: { readonly server: string } }[];
  readonly users: readonly { readonly name: string }[];
}
