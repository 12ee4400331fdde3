import { formatKey } from "../../api/meta.ts";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { referencedObjects } from "../../effective-spec/effective-spec.ts";
import type { IndexFunction } from "../../machinery/lister.ts";

/** Finds the deployments that a change elsewhere concerns: by the Secrets and ConfigMaps they refer to, `namespace/name`. */
export const deploymentIndexes = {
  secret: (deployment) => inNamespace(deployment, referencedObjects(deployment.spec).secrets),
  configMap: (deployment) => inNamespace(deployment, referencedObjects(deployment.spec).configMaps),
} satisfies Record<string, IndexFunction<RuntimeDeployment>>;

function inNamespace({ metadata }: RuntimeDeployment, names: readonly string[]): string[] {
  return names.map((name) => formatKey({ namespace: metadata.namespace ?? "", name }));
}
