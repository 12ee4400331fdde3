import type { ConfigMap } from "../../../api/core.ts";
import { formatKey, type ObjectKey } from "../../../api/meta.ts";
import type { RuntimeDeployment } from "../../../api/v1alpha1/index.ts";
import { type EffectiveSpec, referencedObjects } from "../../../effective-spec/effective-spec.ts";
import type { Namespaced } from "../../../effective-spec/references.ts";
import type { ReviewedConfigMap } from "../../../effective-spec/reviewed-spec.ts";

/** ConfigMaps by `namespace/name`, as they were when a version was judged: what is made of it has these and no newer ones. */
export type ConfigMapsThen = ReadonlyMap<string, ConfigMap>;

/** Those that a deployment names, as far as they exist now. */
export function namedConfigMaps(
  { metadata: { namespace = "" }, spec }: RuntimeDeployment,
  { guardrails: { seccomp } }: EffectiveSpec,
  objects: Pick<Namespaced, "configMapOf">,
): ConfigMapsThen {
  const keys: ObjectKey[] = referencedObjects(spec).configMaps.map((name) => ({ namespace, name }));
  if (seccomp.type === "ConfigMap") keys.push({ namespace: seccomp.namespace, name: seccomp.name });
  const found = keys.map((key) => [formatKey(key), objects.configMapOf(key)] as const);
  return new Map(found.flatMap(([key, object]) => (object ? [[key, object]] : [])));
}

/** Those that an Approval keeps. Undefined where it has not the contents of all, so that nothing can be made of it. */
export function keptConfigMaps(reviewed: readonly ReviewedConfigMap[]): ConfigMapsThen | undefined {
  if (reviewed.some(({ sha256 }) => sha256 !== undefined)) return undefined;
  return new Map(
    reviewed.map(({ namespace, name, data, binaryData }) => [
      formatKey({ namespace, name }),
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { namespace, name, uid: "", resourceVersion: "", creationTimestamp: "" },
        ...(data && { data: { ...data } }),
        ...(binaryData && { binaryData: { ...binaryData } }),
      },
    ]),
  );
}

/** The objects of a namespace, with the ConfigMaps of then in the place of those of now. */
export function objectsOf(now: Namespaced, namespace: string, then: ConfigMapsThen | undefined): Namespaced {
  if (!then) return now;
  const configMapOf = (key: ObjectKey) => then.get(formatKey(key));
  return { secret: now.secret, configMap: (name) => configMapOf({ namespace, name }), configMapOf };
}
