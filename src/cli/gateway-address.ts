import { readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { UsageError } from "./usage-error.ts";

/** Where a gateway listens unless it was told otherwise. */
const DEFAULT_GATEWAY = "http://127.0.0.1:7080";

export interface TypedGateway {
  readonly gateway?: string | undefined;
  readonly kubeconfig?: string | undefined;
}

/**
 * Finds the gateway: the flag, SLIPWAY_GATEWAY, the endpoints.json that `slipway up` writes beside its kubeconfig, the
 * default. The user's token goes there, so it must be https, or this machine.
 * @throws {UsageError} naming where the address came from, the address and the remedy.
 */
export async function gatewayAddress(typed: TypedGateway, env: NodeJS.ProcessEnv): Promise<URL> {
  return (await namedGateway(typed, env)) ?? checked("gateway", DEFAULT_GATEWAY);
}

/** The same without the default. @throws {UsageError} */
export async function namedGateway(
  { gateway, kubeconfig }: TypedGateway,
  env: NodeJS.ProcessEnv,
): Promise<URL | undefined> {
  if (gateway !== undefined) return checked("--gateway", gateway);
  if (env.SLIPWAY_GATEWAY) return checked("SLIPWAY_GATEWAY", env.SLIPWAY_GATEWAY);
  const file = kubeconfig ?? env.KUBECONFIG?.split(delimiter).find((path) => path !== "");
  return file === undefined ? undefined : await writtenBeside(file);
}

async function writtenBeside(kubeconfig: string): Promise<URL | undefined> {
  const file = join(dirname(kubeconfig), "endpoints.json");
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const gateway = gatewayIn(text);
  if (gateway === undefined) return undefined;
  return checked(`${file}: gateway`, gateway);
}

/** A kubeconfig of elsewhere has no such file beside it. */
async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UsageError(`${file} cannot be read (${code}); make it readable, or name the gateway with --gateway`);
  }
}

function gatewayIn(text: string): string | undefined {
  try {
    const { gateway } = JSON.parse(text) as { gateway?: unknown };
    return typeof gateway === "string" ? gateway : undefined;
  } catch {
    // Somebody else's file of that name.
    return undefined;
  }
}

function checked(source: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new UsageError(`${source}: ${JSON.stringify(text)} is not a URL; write for example ${DEFAULT_GATEWAY}`);
  }
  const onThisMachine = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol === "http:" && !onThisMachine) {
    throw new UsageError(
      `${source}: ${JSON.stringify(text)} is not encrypted, and your token would travel on it; use https, or a tunnel to ` +
        "this machine such as 'kubectl port-forward'",
    );
  }
  return url;
}
