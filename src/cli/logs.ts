import { GatewayError, GatewayUnreachable } from "../gateway/gateway-client.ts";
import { requestLog } from "../gateway/log-client.ts";
import type { LogRequestOptions } from "../gateway/log-provider.ts";
import { loadKubeTarget } from "../machinery/kubeconfig.ts";
import { authorizationOf } from "./authorization.ts";
import { type CommandContext, write } from "./command-context.ts";
import { gatewayAddress } from "./gateway-address.ts";
import { UsageError } from "./usage-error.ts";

/** As typed. */
export interface LogsOptions {
  readonly name: string;
  /** Default: the one of the kubeconfig's context, else `default`. */
  readonly namespace?: string;
  readonly follow?: boolean;
  /** A number of lines, or `all`. Default 100. */
  readonly tail?: string;
  readonly timestamps?: boolean;
  /** What its newest build prints instead. */
  readonly build?: boolean;
  readonly kubeconfig?: string;
  readonly gateway?: string;
}

/**
 * `slipway logs NAME`: what the workload of a RuntimeDeployment, or its build, prints, asked of the gateway with the
 * kubeconfig's token. Ends when the log does, or with --follow at the signal. Answers the exit code.
 * @throws {UsageError} for what was typed. @throws {Error} for what was refused or failed.
 */
export async function logs(options: LogsOptions, { stdout, env, signal }: CommandContext): Promise<number> {
  const { name, kubeconfig } = options;
  const wanted = logOptions(options);
  const target = await loadKubeTarget(kubeconfig === undefined ? {} : { kubeconfigPath: kubeconfig }, env);
  const namespace = options.namespace ?? target.namespace ?? "default";
  const gateway = await gatewayAddress(options, env);
  const authorization = await authorizationOf(target);
  if (authorization === undefined) {
    throw new Error(
      `the kubeconfig's user ${JSON.stringify(target.user.name)} has no bearer token, and the gateway takes nothing else; ` +
        "use a kubeconfig with a token, such as one of 'slipway user add' or 'kubectl create token'",
    );
  }
  try {
    const log = await requestLog({ gateway, authorization, namespace, name, options: wanted, signal });
    for await (const chunk of log) await write({ stdout, signal }, chunk);
  } catch (error) {
    if (signal.aborted) return 0;
    throw explained(error, gateway);
  }
  return 0;
}

function logOptions({
  tail = "100",
  follow = false,
  timestamps = false,
  build = false,
}: LogsOptions): LogRequestOptions {
  if (tail === "all" || tail === "-1") return { tail: undefined, follow, timestamps, build };
  if (!/^\d{1,7}$/.test(tail)) {
    throw new UsageError(`--tail: ${JSON.stringify(tail)} is not a number of lines; write for example 100, or all`);
  }
  return { tail: Number(tail), follow, timestamps, build };
}

function explained(error: unknown, gateway: URL): unknown {
  if (error instanceof GatewayUnreachable) {
    const remedy =
      "is 'slipway up' or 'slipway controller' running? Name its gateway with --gateway or SLIPWAY_GATEWAY";
    return new Error(`gateway ${gateway.origin}: ${error.message}; ${remedy}`, { cause: error });
  }
  if (error instanceof GatewayError) {
    return error.code === 400 ? new UsageError(error.message) : new Error(error.message, { cause: error });
  }
  return new Error(`gateway ${gateway.origin}: the log was cut short; ask again`, { cause: error });
}
