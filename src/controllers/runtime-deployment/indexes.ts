import { formatKey } from "../../api/meta.ts";
import type { GuardrailProfile, GuardrailProfileSpec, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { profileNameOf, referencedObjects } from "../../effective-spec/effective-spec.ts";
import type { IndexFunction } from "../../machinery/lister.ts";
import { siblingsOf } from "./dependencies.ts";

/**
 * Finds the deployments that a change elsewhere concerns: by the Secrets, ConfigMaps and other deployments they refer
 * to, `namespace/name`, and by the GuardrailProfile that they run under.
 */
export const deploymentIndexes = {
  secret: (deployment) => inNamespace(deployment, referencedObjects(deployment.spec).secrets),
  configMap: (deployment) => [
    ...inNamespace(deployment, referencedObjects(deployment.spec).configMaps),
    ...seccompProfile(deployment.spec.guardrails?.overrides?.seccomp),
  ],
  profile: ({ spec }) => [profileNameOf(spec)],
  sibling: (deployment) => inNamespace(deployment, siblingsOf(deployment)),
} satisfies Record<string, IndexFunction<RuntimeDeployment>>;

/** Finds the profiles that a change elsewhere concerns: by the ConfigMap of their seccomp profile, `namespace/name`. */
export const profileIndexes = {
  configMap: ({ spec }) => seccompProfile(spec.seccomp),
} satisfies Record<string, IndexFunction<GuardrailProfile>>;

function inNamespace({ metadata }: RuntimeDeployment, names: readonly string[]): string[] {
  return names.map((name) => formatKey({ namespace: metadata.namespace ?? "", name }));
}

function seccompProfile(seccomp: Partial<GuardrailProfileSpec["seccomp"]> | undefined): string[] {
  const { namespace, name } = seccomp ?? {};
  return namespace !== undefined && name !== undefined ? [formatKey({ namespace, name })] : [];
}
