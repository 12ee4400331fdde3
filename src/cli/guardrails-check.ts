import { type Namespace, namespaces } from "../api/core.ts";
import type { KubeObject, ObjectKey, ResourceType } from "../api/meta.ts";
import {
  type GuardrailProfile,
  guardrailProfiles,
  type RuntimeDeployment,
  runtimeBackends,
  runtimeDeployments,
} from "../api/v1alpha1/index.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import { createKubeClient } from "../machinery/http-kube-client.ts";
import { loadKubeTarget } from "../machinery/kubeconfig.ts";
import { backendDrivers } from "./backend-drivers.ts";
import { type CommandContext, write } from "./command-context.ts";
import { type CheckFile, checkFileOf, type Read } from "./guardrails-check-file.ts";
import { type CheckReport, type CheckWorld, checkDeployment } from "./guardrails-check-report.ts";
import { describeReport } from "./guardrails-check-text.ts";
import { listAll } from "./list-all.ts";
import { readManifestStream, readManifests } from "./manifests.ts";
import { outputFormat, rendered } from "./output-format.ts";
import { ReadObjects } from "./read-objects.ts";

/** As typed. */
export interface CheckOptions {
  /** A file, a folder, or `-` for standard input. */
  readonly filename: string;
  /** Default: what the deployment names, else the one that is marked as default. */
  readonly backend?: string;
  /** Default: what the deployment says, else the kubeconfig's, else `default`. */
  readonly namespace?: string;
  /** table, json or yaml. Default table. */
  readonly output?: string;
  readonly kubeconfig?: string;
}

export interface CheckContext extends CommandContext {
  readonly stdin: AsyncIterable<Uint8Array | string>;
}

/** No backend is made, so it stands for any installation. */
const DRIVERS: CheckWorld["drivers"] = backendDrivers("");

/**
 * `slipway guardrails check -f FILE`: what would become of each RuntimeDeployment of the file, without deploying anything.
 * Profiles and namespaces of the file go before those of the API. Answers the exit code: 1 where one would be refused.
 * @throws {UsageError} for what was typed. @throws {Error} where the API does not tell what is needed.
 */
export async function checkGuardrails(options: CheckOptions, context: CheckContext): Promise<number> {
  const output = outputFormat(options.output);
  const { filename, kubeconfig } = options;
  const manifests = await (filename === "-" ? readManifestStream(context.stdin) : readManifests(filename));
  const source = kubeconfig === undefined ? {} : { kubeconfigPath: kubeconfig };
  const target = await loadKubeTarget(source, context.env);
  const file = checkFileOf(manifests, { namespace: options.namespace, fallback: target.namespace ?? "default" });
  using client = await createKubeClient({ ...source, userAgent: "slipway-guardrails" });
  const api = new Api(client, context.signal);
  const world = await worldOf(file, api);
  const reports = await Promise.all(
    file.deployments.map((each) => report(each, { world, api, backend: options.backend })),
  );

  await write(context, output === "table" ? reports.map(describeReport).join("\n") : rendered(output, reports));
  const broken = file.profiles.flatMap(({ origin, object, problems }) =>
    problems.map((problem) => `${origin}: GuardrailProfile ${object.metadata.name}: ${problem}`),
  );
  for (const problem of broken) context.stderr.write(`ERROR ${problem}\n`);
  return broken.length > 0 || reports.some(({ refusals }) => refusals.length > 0) ? 1 : 0;
}

/** A profile of the file that would be refused counts as missing, so that nobody trusts an older one of its name. */
async function worldOf(file: CheckFile, api: Api): Promise<CheckWorld> {
  const spaces = new Set(file.deployments.map(({ object }) => object.metadata.namespace ?? ""));
  const [profiles, backends, ...stored] = await Promise.all([
    api.all(guardrailProfiles),
    api.all(runtimeBackends),
    ...[...spaces].map((name) => api.optional(namespaces, { namespace: "", name })),
  ]);
  const broken = new Set(file.profiles.filter(isBroken).map(({ object }) => object.metadata.name));
  const own = file.profiles.map(({ object }) => object);
  return {
    sources: {
      profiles: new ReadObjects([...profiles, ...own].filter(({ metadata }) => !broken.has(metadata.name))),
      backends: new ReadObjects(backends),
      // One that is not there yet has no label, until somebody says so.
      namespaces: new ReadObjects([
        ...[...spaces].map(unlabelled),
        ...stored.filter((each) => each !== undefined),
        ...file.namespaces,
      ]),
      isInstalling: () => false,
    },
    drivers: DRIVERS,
  };
}

function isBroken({ problems }: Read<GuardrailProfile>): boolean {
  return problems.length > 0;
}

function unlabelled(name: string): Namespace {
  const metadata = { name, uid: "", resourceVersion: "", creationTimestamp: "" };
  return { apiVersion: "v1", kind: "Namespace", metadata };
}

async function report(
  { object, problems }: Read<RuntimeDeployment>,
  { world, api, backend }: { world: CheckWorld; api: Api; backend: string | undefined },
): Promise<CheckReport> {
  const { namespace = "", name } = object.metadata;
  if (problems.length > 0) {
    const refusals = problems.map((message) => ({ reason: "Invalid", message }));
    return { namespace, name, bounds: [], fields: [], warnings: [], refusals };
  }
  const live = await api.optional(runtimeDeployments, { namespace, name });
  const deployment: RuntimeDeployment = {
    ...object,
    spec: { ...object.spec, ...(backend !== undefined && { backend }) },
    // One that runs stays where it runs, unless it is told to move.
    ...(live?.status && { status: live.status }),
  };
  return checkDeployment(deployment, world);
}

/** Reads of the API that say what right is missing. */
class Api {
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  async all<T extends KubeObject>(type: ResourceType<T>): Promise<T[]> {
    return await listAll(this.#client, type, {}, this.#signal).catch(withRemedy);
  }

  /** Undefined where there is none. */
  async optional<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T | undefined> {
    return await this.#client.get(type, key, this.#signal).catch((error: unknown) => {
      if (isReason(error, "NotFound")) return undefined;
      return withRemedy(error);
    });
  }
}

function withRemedy(error: unknown): never {
  if (!isReason(error, "Forbidden")) throw error;
  const remedy = "the check needs what slipway-developer and slipway-cluster-viewer may read; ask for these roles";
  throw new Error(`${error.message}; ${remedy}`, { cause: error });
}
