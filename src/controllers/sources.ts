import type { ConfigMap, Namespace, Secret } from "../api/core.ts";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/meta.ts";
import {
  type Approval,
  type ApprovalPolicy,
  GUARDRAILS_BOUND_LABEL,
  type GuardrailProfile,
  type RuntimeBackend,
  type RuntimeDeployment,
} from "../api/v1alpha1/index.ts";
import { STAMP_KEY_SECRET } from "../approvals/stamp-keys.ts";
import { BUILT_IN_NAMES } from "../guardrails/built-in.ts";
import type { Clock } from "../machinery/clock.ts";
import { jsonEqual } from "../machinery/json-equal.ts";
import type { ChangeSource, Lister } from "../machinery/lister.ts";
import { standingOf } from "./runtime-deployment/dependencies.ts";

type Cache<T extends KubeObject> = Lister<T> & ChangeSource<T>;

export interface Caches {
  readonly deployments: Cache<RuntimeDeployment>;
  readonly backends: Cache<RuntimeBackend>;
  readonly profiles: Cache<GuardrailProfile>;
  readonly namespaces: Cache<Namespace>;
  readonly secrets: ChangeSource<Secret>;
  readonly configMaps: ChangeSource<ConfigMap>;
  readonly policies: Cache<ApprovalPolicy>;
  /** With an index `deployment`, by its UID. */
  readonly approvals: Cache<Approval>;
}

interface Queue {
  enqueue(key: ObjectKey): void;
}

export interface Consumers {
  readonly clock: Clock;
  readonly deploymentController: Queue;
  readonly backendController: Queue;
  readonly profileController: Queue;
  readonly approvalController: Queue;
  readonly policyController: Queue;
  /** A deployment is gone, and what it asked for with it. */
  readonly forgetApprovals: (uid: string) => void;
  /** Whether the controller itself wrote this version, or replaced it, so that it is no news to it. */
  readonly isKnown: (deployment: RuntimeDeployment) => boolean;
  /** Secrets that a RuntimeBackend is made from. */
  readonly secretsOf: (backend: RuntimeBackend) => readonly ObjectKey[];
}

/** Deployments come in bursts; how many a backend or a profile has is counted when one has passed. */
const COUNT_AFTER_MS = 2_000;

/** Leads changes of the API to the keys that they concern. */
export function connect(caches: Caches, consumers: Consumers): void {
  const { deployments, backends, profiles, secrets, configMaps } = caches;
  const { clock, deploymentController, backendController, profileController, isKnown, secretsOf } = consumers;
  const all = (queue: Queue, objects: Iterable<KubeObject>) => {
    for (const object of objects) queue.enqueue(keyOf(object));
  };
  const deploymentsBy = (index: string, value: string) => all(deploymentController, deployments.byIndex(index, value));

  let counting = false;
  const countSoon = () => {
    if (counting) return;
    counting = true;
    clock.schedule(COUNT_AFTER_MS, () => {
      counting = false;
      all(backendController, backends.list());
      all(profileController, profiles.list());
    });
  };
  deployments.onChange((before, after) => {
    const object = after ?? before;
    if (!object) return;
    if (placeOf(before) !== placeOf(after)) countSoon();
    if (!after || !isKnown(after)) deploymentController.enqueue(keyOf(object));
    if (standingOf(before) !== standingOf(after)) deploymentsBy("sibling", formatKey(keyOf(object)));
  });

  secrets.onChange((before, after) => {
    const object = after ?? before;
    if (!object) return;
    const key = formatKey(keyOf(object));
    deploymentsBy("secret", key);
    const made = backends.list().filter((backend) => secretsOf(backend).some((each) => formatKey(each) === key));
    all(backendController, made);
  });
  configMaps.onChange((before, after) => {
    const object = after ?? before;
    if (!object) return;
    const key = formatKey(keyOf(object));
    deploymentsBy("configMap", key);
    for (const { metadata } of profiles.byIndex("configMap", key)) deploymentsBy("profile", metadata.name);
  });

  backends.onChange((before, after) => {
    if (!jsonEqual(before?.status?.capabilities, after?.status?.capabilities)) all(profileController, profiles.list());
    if (before && after && before.metadata.generation === after.metadata.generation) return;
    const object = after ?? before;
    if (object) backendController.enqueue(keyOf(object));
    // Which one is the default, and who may use it, may concern any of them.
    all(backendController, backends.list());
    all(deploymentController, deployments.list());
  });
  connectGuardrails(caches, consumers);
  connectApprovals(caches, consumers);
}

/** Leads what people decide, and what they have to, to what waits for it. */
function connectApprovals(
  { deployments, policies, approvals, profiles, namespaces, secrets }: Caches,
  { deploymentController, approvalController, policyController, forgetApprovals }: Consumers,
): void {
  const ofNamespace = (name: string | undefined) => {
    for (const deployment of deployments.list(name)) deploymentController.enqueue(keyOf(deployment));
  };
  approvals.onChange((before, after) => {
    const object = after ?? before;
    if (!object) return;
    approvalController.enqueue(keyOf(object));
    // Who was told of it is nothing to its deployment.
    if (standing(before) === standing(after)) return;
    const { namespace = "" } = object.metadata;
    deploymentController.enqueue({ namespace, name: object.spec.deploymentRef.name });
  });
  policies.onChange((before, after) => {
    if (before && after && before.metadata.generation === after.metadata.generation) return;
    const object = after ?? before;
    if (object) policyController.enqueue(keyOf(object));
    ofNamespace(undefined);
  });
  profiles.onChange((before, after) => {
    if (before && after && before.metadata.generation === after.metadata.generation) return;
    const name = (after ?? before)?.metadata.name;
    const measures = policies.list().some(({ spec: { rules } }) => rules.some(({ weakerThan }) => weakerThan === name));
    if (measures) ofNamespace(undefined);
  });
  deployments.onChange((before, after) => {
    if (!before || before.metadata.uid === after?.metadata.uid) return;
    const { uid } = before.metadata;
    forgetApprovals(uid);
    for (const approval of approvals.byIndex("deployment", uid)) approvalController.enqueue(keyOf(approval));
  });
  namespaces.onChange((before, after) => {
    if (!before || !after || policies.list().length === 0) return;
    if (!jsonEqual(before.metadata.labels, after.metadata.labels)) ofNamespace(after.metadata.name);
  });
  secrets.onChange((before, after) => {
    const object = after ?? before;
    if (!object || formatKey(keyOf(object)) !== formatKey(STAMP_KEY_SECRET)) return;
    for (const approval of approvals.list()) approvalController.enqueue(keyOf(approval));
    if (policies.list().length > 0 || approvals.list().length > 0) ofNamespace(undefined);
  });
}

/** What of an Approval its deployment has to know; undefined for none. */
function standing(approval: Approval | undefined): string | undefined {
  return (
    approval &&
    `${approval.metadata.uid}/${approval.metadata.generation}/${approval.status?.phase}/${approval.status?.image}`
  );
}

/** Leads changes of what deployments may do to those that use it. */
function connectGuardrails(
  { deployments, backends, profiles, namespaces }: Caches,
  { deploymentController, backendController, profileController }: Consumers,
): void {
  const ofNamespace = (name: string) => {
    for (const deployment of deployments.list(name)) deploymentController.enqueue(keyOf(deployment));
  };
  profiles.onChange((before, after) => {
    if (before && after && before.metadata.generation === after.metadata.generation) return;
    const object = after ?? before;
    if (!object) return;
    const { name } = object.metadata;
    profileController.enqueue(keyOf(object));
    for (const deployment of deployments.byIndex("profile", name)) deploymentController.enqueue(keyOf(deployment));
    for (const namespace of namespaces.list()) if (boundOf(namespace) === name) ofNamespace(namespace.metadata.name);
    for (const backend of backends.list().filter(({ spec }) => spec.guardrailsBound === name)) {
      backendController.enqueue(keyOf(backend));
      for (const deployment of deployments.list()) {
        if (runsOn(deployment, backend)) deploymentController.enqueue(keyOf(deployment));
      }
    }
  });
  namespaces.onChange((before, after) => {
    const object = after ?? before;
    if (object && (!before || boundOf(before) !== boundOf(after))) ofNamespace(object.metadata.name);
  });
  // Also those that are not there yet.
  for (const name of BUILT_IN_NAMES) profileController.enqueue({ namespace: "", name });
}

function boundOf(namespace: Namespace | undefined): string | undefined {
  return namespace?.metadata.labels?.[GUARDRAILS_BOUND_LABEL];
}

/** Whether a deployment runs, or is about to, on a backend. */
function runsOn({ spec, status }: RuntimeDeployment, backend: RuntimeBackend): boolean {
  const recorded = status?.workload?.backend;
  const { name } = backend.metadata;
  return recorded === name || (spec.backend ?? recorded ?? (backend.spec.default ? name : undefined)) === name;
}

/** What the counts of deployments depend on; undefined for none. */
function placeOf(deployment: RuntimeDeployment | undefined): string | undefined {
  if (!deployment) return undefined;
  const { metadata, spec, status } = deployment;
  return `${metadata.uid}/${spec.backend ?? status?.workload?.backend ?? ""}/${spec.guardrails?.profile ?? ""}`;
}
