import { namespaces } from "../api/core.ts";
import type { KubeObject, ObjectKey, ResourceType } from "../api/meta.ts";
import {
  guardrailProfiles,
  type RuntimeDeployment,
  runtimeBackends,
  runtimeDeployments,
} from "../api/v1alpha1/index.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import { createKubeClient } from "../machinery/http-kube-client.ts";
import { loadKubeTarget } from "../machinery/kubeconfig.ts";
import { type CommandContext, write } from "./command-context.ts";
import { dockerDriver } from "./docker-driver.ts";
import { type CheckFile, checkFileOf, type Read } from "./guardrails-check-file.ts";
import { type CheckReport, type CheckWorld, checkDeployment } from "./guardrails-check-report.ts";
import { describeReport } from "./guardrails-check-text.ts";
import { listAll } from "./list-all.ts";
import { readManifestStream, readManifests } from "./manifests.ts";
import { outputFormat, rendered } from "./output-format.ts";

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
const DRIVERS: CheckWorld["drivers"] = { docker: dockerDriver("") };

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
  const reports = await Promise.all(file.deployments.map((each) => report(each, { world, api, file, options })));

  await write(context, output === "table" ? reports.map(describeReport).join("\n") : rendered(output, reports));
  const broken = file.profiles.flatMap(({ origin, object, problems }) =>
    problems.map((problem) => `${origin}: GuardrailProfile ${object.metadata.name}: ${problem}`),
  );
  for (const problem of broken) context.stderr.write(`ERROR ${problem}\n`);
  return broken.length > 0 || reports.some(({ refusals }) => refusals.length > 0) ? 1 : 0;
}

type SharedWorld = Omit<CheckWorld, "namespaceLabels">;

/** A profile of the file that would be refused counts as missing, so that nobody trusts an older one of its name. */
async function worldOf(file: CheckFile, api: Api): Promise<SharedWorld> {
  const [stored, backends] = await Promise.all([api.all(guardrailProfiles), api.all(runtimeBackends)]);
  const profiles = new Map(stored.map((profile) => [profile.metadata.name, profile]));
  for (const { object, problems } of file.profiles) {
    if (problems.length > 0) profiles.delete(object.metadata.name);
    else profiles.set(object.metadata.name, object);
  }
  return { profile: (name) => profiles.get(name), backends, drivers: DRIVERS };
}

async function report(
  { object, problems }: Read<RuntimeDeployment>,
  { world, api, file, options }: { world: SharedWorld; api: Api; file: CheckFile; options: CheckOptions },
): Promise<CheckReport> {
  const { namespace = "", name } = object.metadata;
  if (problems.length > 0) {
    const refusals = problems.map((message) => ({ reason: "Invalid", message }));
    return { namespace, name, bounds: [], fields: [], warnings: [], refusals };
  }
  const [live, stored] = await Promise.all([
    api.optional(runtimeDeployments, { namespace, name }),
    api.optional(namespaces, { namespace: "", name: namespace }),
  ]);
  const place = file.namespaces.find(({ metadata }) => metadata.name === namespace) ?? stored;
  const deployment: RuntimeDeployment = {
    ...object,
    spec: { ...object.spec, ...(options.backend !== undefined && { backend: options.backend }) },
    // One that runs stays where it runs, unless it is told to move.
    ...(live?.status && { status: live.status }),
  };
  return checkDeployment(deployment, { ...world, namespaceLabels: place?.metadata.labels ?? {} });
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
