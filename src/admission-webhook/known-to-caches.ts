import type { Known } from "../admission/write.ts";
import type { Namespace, Secret } from "../api/core.ts";
import type { KubeObject } from "../api/meta.ts";
import type { ApprovalPolicy, GuardrailProfile, RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { STAMP_KEY_SECRET, stampKeysIn } from "../approvals/stamp-keys.ts";
import type { Clock } from "../machinery/clock.ts";
import type { ChangeSource, Lister } from "../machinery/lister.ts";

type Cache<T extends KubeObject> = Pick<Lister<T>, "get" | "list"> & ChangeSource<T>;

/** The caches that the rules read. */
export interface AdmissionCaches {
  readonly profiles: Cache<GuardrailProfile>;
  readonly deployments: Cache<RuntimeDeployment>;
  readonly backends: Cache<RuntimeBackend>;
  readonly namespaces: Cache<Namespace>;
  readonly policies: Cache<ApprovalPolicy>;
  readonly secrets: Cache<Secret>;
}

export interface KnownToCachesOptions {
  readonly clock: Pick<Clock, "now">;
  /** The only namespaces whose deployments are looked at; absent: all. */
  readonly watchNamespaces?: readonly string[] | undefined;
}

/** What the rules know, from a controller's caches: they may be a moment behind the API server. */
export function knownToCaches(caches: AdmissionCaches, { clock, watchNamespaces }: KnownToCachesOptions): Known {
  return {
    isWatched: (namespace) => watchNamespaces?.includes(namespace) ?? true,
    profile: (name) => caches.profiles.get({ namespace: "", name }),
    deployment: (key) => caches.deployments.get(key),
    deployments: () => caches.deployments.list(),
    backends: () => caches.backends.list(),
    namespaces: () => caches.namespaces.list(),
    approvalPolicy: (name) => caches.policies.get({ namespace: "", name }),
    hasApprovalPolicies: () => caches.policies.list().length > 0,
    stampKeys: () => stampKeysIn(caches.secrets.get(STAMP_KEY_SECRET)),
    now: () => clock.now(),
  };
}

/** What the rules cannot be asked without yet; undefined: they can. */
export function missingIn(caches: AdmissionCaches): string | undefined {
  const empty = Object.entries(caches).filter(([, cache]) => !(cache as ChangeSource<KubeObject>).hasSynced());
  if (empty.length > 0) return `the ${empty.map(([name]) => name).join(", ")} have not been read yet`;
  if (!stampKeysIn(caches.secrets.get(STAMP_KEY_SECRET))) return `the Secret ${STAMP_KEY_SECRET.name} is missing`;
  return undefined;
}
