import type { KubeClient } from "../machinery/client.ts";
import { createKubeClient } from "../machinery/http-kube-client.ts";
import { loadKubeTarget } from "../machinery/kubeconfig.ts";
import type { CommandContext } from "./command-context.ts";

/** Of every command that speaks with the API about objects of a namespace, as typed. */
export interface ClientOptions {
  /** Default: the one of the kubeconfig's context, else `default`. */
  readonly namespace?: string;
  readonly kubeconfig?: string;
}

/** The API, and where in it the command looks. */
export interface CommandClient extends Disposable {
  readonly client: KubeClient;
  readonly namespace: string;
}

/** @throws {Error} naming what is wrong with the kubeconfig. */
export async function commandClient(
  { kubeconfig, namespace }: ClientOptions,
  { env }: CommandContext,
  userAgent: string,
): Promise<CommandClient> {
  const source = kubeconfig === undefined ? {} : { kubeconfigPath: kubeconfig };
  const target = await loadKubeTarget(source, env);
  const client = await createKubeClient({ ...source, userAgent });
  return {
    client,
    namespace: namespace ?? target.namespace ?? "default",
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}
