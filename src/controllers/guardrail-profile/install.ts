import { type GuardrailProfile, guardrailProfiles } from "../../api/v1alpha1/index.ts";
import type { BuiltInProfile } from "../../guardrails/built-in.ts";
import type { KubeClient } from "../../machinery/client.ts";
import { mergePatch } from "../../machinery/merge-patch.ts";

export interface InstallOptions {
  readonly client: KubeClient;
  readonly fieldManager: string;
  readonly signal: AbortSignal;
}

/**
 * Makes a stored profile what was shipped, in one request; none where it is so already. A new one is applied. One that is
 * there gets the difference as a merge patch, since an apply would leave in it what another manager had added.
 * @throws {ApiError} `Conflict` where `stored` was read too long ago.
 */
export async function install(
  shipped: BuiltInProfile,
  stored: GuardrailProfile | undefined,
  { client, fieldManager, signal }: InstallOptions,
): Promise<void> {
  const key = { namespace: "", name: shipped.metadata.name };
  if (!stored) {
    await client.patch(guardrailProfiles, key, { type: "apply", body: shipped, fieldManager, force: true }, { signal });
    return;
  }
  const spec = mergePatch({ ...stored.spec }, { ...shipped.spec });
  if (!spec) return;
  const body = { metadata: { resourceVersion: stored.metadata.resourceVersion }, spec };
  await client.patch(guardrailProfiles, key, { type: "merge", body }, { fieldManager, signal });
}
