import { createCredentialSource } from "../machinery/credentials.ts";
import type { KubeTarget } from "../machinery/kubeconfig.ts";

/**
 * The value of the Authorization header of the kubeconfig's user, for the gateway, which takes nothing else. Undefined where
 * the user has no token.
 */
export async function authorizationOf(target: KubeTarget): Promise<string | undefined> {
  const { headers } = await createCredentialSource(target, () => performance.now()).current();
  const [, found] = Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization") ?? [];
  return typeof found === "string" ? found : undefined;
}
