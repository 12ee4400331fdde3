import type { Known } from "../../src/admission/write.ts";
import type { Namespace } from "../../src/api/core.ts";
import { formatKey, type KubeObject, keyOf } from "../../src/api/meta.ts";
import type {
  ApprovalPolicy,
  GuardrailProfile,
  RuntimeBackend,
  RuntimeDeployment,
} from "../../src/api/v1alpha1/index.ts";
import type { StampKeys } from "../../src/approvals/stamp-keys.ts";

export interface KnownObjects {
  readonly profiles?: readonly KubeObject[];
  readonly deployments?: readonly KubeObject[];
  readonly backends?: readonly KubeObject[];
  readonly namespaces?: readonly KubeObject[];
  readonly policies?: readonly KubeObject[];
  readonly keys?: StampKeys | undefined;
  readonly now?: () => Date;
}

/** What admission rules know, from lists. */
export function knownOf(objects: KnownObjects = {}): Known {
  const named = (list: readonly KubeObject[] = [], name: string) => list.find(({ metadata }) => metadata.name === name);
  return {
    profile: (name) => named(objects.profiles, name) as GuardrailProfile | undefined,
    deployment: (key) =>
      objects.deployments?.find((each) => formatKey(keyOf(each)) === formatKey(key)) as RuntimeDeployment | undefined,
    deployments: () => (objects.deployments ?? []) as RuntimeDeployment[],
    backends: () => (objects.backends ?? []) as RuntimeBackend[],
    namespaces: () => (objects.namespaces ?? []) as Namespace[],
    hasApprovalPolicies: () => (objects.policies ?? []).length > 0,
    approvalPolicy: (name) => named(objects.policies, name) as ApprovalPolicy | undefined,
    stampKeys: () => objects.keys,
    now: objects.now ?? (() => new Date("2026-01-01T00:00:00Z")),
  };
}
