import { loadKubeTarget } from "../machinery/kubeconfig.ts";
import { McpFailure } from "../mcp-client/mcp-failure.ts";
import { connectToServer, type ServerConnection } from "../mcp-client/server-connection.ts";
import { authorizationOf } from "./authorization.ts";
import type { CommandContext } from "./command-context.ts";
import { gatewayAddress } from "./gateway-address.ts";
import { UsageError } from "./usage-error.ts";
import { visible } from "./visible-text.ts";

/** Of every command that speaks MCP with a server, as typed. */
export interface McpOptions {
  readonly name: string;
  /** Default: the one of the kubeconfig's context, else `default`. */
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly gateway?: string;
}

export interface McpServer {
  readonly namespace: string;
  readonly name: string;
  readonly connection: ServerConnection;
}

/** What the API takes for a name, and nothing that leads to another path of the gateway. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * Lets `use` ask the server through the gateway, with the kubeconfig's token, and says goodbye to it. The token goes to
 * https and to this machine only.
 * @throws {UsageError} for what was typed. @throws {Error} saying why the server does not answer, and what to do.
 */
export async function withServer<T>(
  options: McpOptions & { readonly timeoutMs: number },
  { env, signal }: CommandContext,
  use: (server: McpServer) => Promise<T>,
): Promise<T> {
  const { name, kubeconfig, timeoutMs } = options;
  const target = await loadKubeTarget(kubeconfig === undefined ? {} : { kubeconfigPath: kubeconfig }, env);
  const namespace = options.namespace ?? target.namespace ?? "default";
  for (const [what, value] of Object.entries({ NAME: name, "-n": namespace })) {
    if (!NAME.test(value)) throw new UsageError(`${what}: ${JSON.stringify(value)} is no name of an object`);
  }
  const gateway = await gatewayAddress(options, env);
  const authorization = await authorizationOf(target);
  const url = new URL(`${gateway.href.replace(/\/$/, "")}/${namespace}/${name}/mcp`);
  try {
    await using connection = await connectToServer({ url, authorization, timeoutMs, signal });
    return await use({ namespace, name, connection });
  } catch (error) {
    if (!(error instanceof McpFailure)) throw error;
    throw explained(error, { namespace, name, gateway, hasToken: authorization !== undefined });
  }
}

interface Asked {
  readonly namespace: string;
  readonly name: string;
  readonly gateway: URL;
  readonly hasToken: boolean;
}

function explained(failure: McpFailure, { namespace, name, gateway, hasToken }: Asked): Error {
  const server = `${namespace}/${name}`;
  const said = visible(failure.message);
  const because = (text: string) => new Error(text, { cause: failure });
  switch (failure.kind) {
    case "cancelled":
      return because("cancelled");
    case "timeout":
      return because(`${server} ${said}; --timeout allows more`);
    case "unreachable":
      return because(
        `gateway ${gateway.origin}: ${said}; is 'slipway up' or 'slipway controller' running? Name its gateway with ` +
          "--gateway or SLIPWAY_GATEWAY",
      );
    case "rpc-error":
    case "invalid":
      return because(`${server}: ${said}`);
    case "refused":
      return because(refused());
    default:
      return failure.kind satisfies never;
  }

  function refused(): string {
    const reason = failure.reason === undefined ? "" : `${visible(failure.reason)}: `;
    if (failure.status === 401) {
      const token = hasToken
        ? "the gateway does not know the kubeconfig's token"
        : "the gateway asks for a token, and the kubeconfig's user has none";
      return `${token}; use a kubeconfig of 'slipway user add', or a token of 'kubectl create token'`;
    }
    if (failure.status === 404) {
      return `there is no server ${server} at ${gateway.origin}, or you may not use it; 'slipway status -A' shows deployments`;
    }
    if (failure.status === 503) {
      return `${server} is not ready: ${reason}${said}; 'slipway status ${name} -n ${namespace}' tells more`;
    }
    return `${server}: ${reason}${said}`;
  }
}
