import type { KubeObject } from "../api/meta.ts";
import { type RuntimeDeployment, runtimeBackends, runtimeDeployments } from "../api/v1alpha1/index.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import { createKubeClient } from "../machinery/http-kube-client.ts";
import { loadKubeTarget } from "../machinery/kubeconfig.ts";
import { type CommandContext, write } from "./command-context.ts";
import { listAll } from "./list-all.ts";
import { type OutputFormat, outputFormat, rendered } from "./output-format.ts";
import { describeDeployment, type Overview, overview } from "./status-text.ts";
import { UsageError } from "./usage-error.ts";
import { usageLine } from "./usage-line.ts";

/** As typed. */
export interface StatusOptions {
  readonly name?: string;
  /** Default: the one of the kubeconfig's context, else `default`. */
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  /** table, json or yaml. Default table. */
  readonly output?: string;
  readonly kubeconfig?: string;
  /** Tells what one deployment uses. */
  readonly gateway?: string;
}

/**
 * `slipway status [NAME]`: the RuntimeDeployments of a namespace and the RuntimeBackends, or one deployment in full. What
 * cannot be read is said on stderr, and the rest is shown. Answers the exit code: 1 where something could not be read.
 * @throws {UsageError} for what was typed. @throws {Error} where nothing could be read.
 */
export async function status(options: StatusOptions, context: CommandContext): Promise<number> {
  const output = outputOf(options);
  const { kubeconfig, name, allNamespaces = false } = options;
  const source = kubeconfig === undefined ? {} : { kubeconfigPath: kubeconfig };
  const target = await loadKubeTarget(source, context.env);
  const namespace = options.namespace ?? target.namespace ?? "default";
  using client = await createKubeClient({ ...source, userAgent: "slipway-status" });
  if (name !== undefined) {
    const { env, signal } = context;
    const around = { target, gateway: options.gateway, kubeconfig, env, signal };
    const used = (deployment: RuntimeDeployment) => usageLine(deployment, around);
    return showOne({ client, used }, { namespace, name }, output, context);
  }

  const found = await readAll(client, allNamespaces ? undefined : namespace, context.signal);
  const text =
    output === "table"
      ? overview(found, { namespace, allNamespaces, now: new Date() })
      : rendered(output, asList([...found.deployments, ...found.backends]));
  await write(context, text);
  for (const problem of found.problems) context.stderr.write(`ERROR ${problem}\n`);
  return found.problems.length > 0 ? 1 : 0;
}

function outputOf({ output, name, allNamespaces, namespace }: StatusOptions): OutputFormat {
  const format = outputFormat(output);
  if (allNamespaces && name !== undefined) {
    throw new UsageError(`-A: ${JSON.stringify(name)} is in one namespace; name it with -n`);
  }
  if (allNamespaces && namespace !== undefined) {
    throw new UsageError(`-A: means all namespaces, and -n ${JSON.stringify(namespace)} one; leave one of them out`);
  }
  return format;
}

async function showOne(
  { client, used }: { client: KubeClient; used: (deployment: RuntimeDeployment) => Promise<string | undefined> },
  key: { namespace: string; name: string },
  output: OutputFormat,
  context: CommandContext,
): Promise<number> {
  const deployment = await client.get(runtimeDeployments, key, context.signal).catch((error: unknown) => {
    if (!isReason(error, "NotFound")) throw error;
    const where = `in namespace ${JSON.stringify(key.namespace)}`;
    throw new Error(`runtimedeployment ${JSON.stringify(key.name)} not found ${where}; 'slipway status -A' shows all`);
  });
  const text =
    output === "table"
      ? describeDeployment(deployment, { now: new Date(), usage: await used(deployment) })
      : rendered(output, deployment);
  await write(context, text);
  return 0;
}

async function readAll(client: KubeClient, namespace: string | undefined, signal: AbortSignal): Promise<Overview> {
  const scope = namespace === undefined ? {} : { namespace };
  const [deployments, backends] = await Promise.allSettled([
    listAll(client, runtimeDeployments, scope, signal),
    listAll(client, runtimeBackends, {}, signal),
  ]);
  if (deployments.status === "rejected" && backends.status === "rejected") throw deployments.reason;
  return {
    deployments: deployments.status === "fulfilled" ? deployments.value : [],
    backends: backends.status === "fulfilled" ? backends.value : [],
    problems: [
      ...(deployments.status === "rejected" ? [`runtimedeployments: ${messageOf(deployments.reason)}`] : []),
      ...(backends.status === "rejected" ? [`runtimebackends: ${messageOf(backends.reason)}`] : []),
    ],
  };
}

function asList(items: readonly KubeObject[]): object {
  return { apiVersion: "v1", kind: "List", metadata: {}, items };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
