import { type KubeObject, keyOf, type ObjectKey } from "../api/meta.ts";
import { ConditionType, Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { recordedEndpoint } from "../backends/recorded-endpoint.ts";
import { instanceOf, type WorkloadEndpoint } from "../backends/workload-endpoint.ts";
import { getCondition } from "../machinery/conditions.ts";
import type { ChangeSource, Lister } from "../machinery/lister.ts";
import type { Directory, Endpoint, EndpointState } from "./directory.ts";

type Deployments = Pick<Lister<RuntimeDeployment>, "get" | "list"> & ChangeSource<RuntimeDeployment>;

/** How workloads are reached of which no status can tell. */
export interface KnownEndpoints {
  get(key: ObjectKey, uid: string): WorkloadEndpoint | undefined;
  onChange(handler: (key: ObjectKey) => void): () => void;
}

const NONE: KnownEndpoints = { get: () => undefined, onChange: () => () => undefined };

/** Seconds after which a client asks again: while the controller is about it, and where only a person can change it. */
const WORKING_RETRY_SECONDS = 2;
const SETTLED_RETRY_SECONDS = 30;

/** The deployments of the API server's cache, as their status and what the controller of this process knows tell them. */
export function deploymentDirectory(deployments: Deployments, known: KnownEndpoints = NONE): Directory {
  const endpoint = (deployment: RuntimeDeployment) => endpointOf(deployment, known);
  return {
    get(namespace, name) {
      const deployment = deployments.get({ namespace, name } satisfies ObjectKey);
      return deployment && endpoint(deployment);
    },
    list: () => deployments.list().map(endpoint),
    onChange(handler) {
      const stops = [
        deployments.onChange((before, after) => handler(keyOf((after ?? before) as KubeObject))),
        known.onChange(handler),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
    hasSynced: () => deployments.hasSynced(),
  };
}

function endpointOf(deployment: RuntimeDeployment, known: KnownEndpoints): Endpoint {
  const { metadata, status } = deployment;
  const upstream = upstreamOf(deployment, known);
  return {
    ...keyOf(deployment),
    uid: metadata.uid,
    state: stateOf(deployment, upstream),
    upstream,
    protocolVersion: status?.mcp?.protocolVersion,
    tools: status?.mcp?.tools,
    ...(isElsewhere(deployment, upstream) && { elsewhere: true as const }),
    ...(isChanging(deployment) && { changing: true as const }),
  };
}

function stateOf(deployment: RuntimeDeployment, upstream: WorkloadEndpoint | undefined): EndpointState {
  const { conditions = [] } = deployment.status ?? {};
  const ready = getCondition(conditions, ConditionType.Ready);
  if (ready === undefined) return pending("the controller has not looked at it yet");
  if (ready.status === "True" && upstream) return { ready: true };
  if (isElsewhere(deployment, upstream)) {
    return pending("the controller has not looked at what runs yet");
  }
  if (ready.status === "True") {
    const message = "it serves, and has no address that the gateway could reach";
    return { ready: false, reason: "NoAddress", message, retryAfterSeconds: SETTLED_RETRY_SECONDS };
  }
  const working = getCondition(conditions, ConditionType.Reconciling)?.status === "True";
  const retryAfterSeconds = working ? WORKING_RETRY_SECONDS : SETTLED_RETRY_SECONDS;
  return { ready: false, reason: ready.reason, message: ready.message, retryAfterSeconds };
}

function isElsewhere({ status }: RuntimeDeployment, upstream: WorkloadEndpoint | undefined): boolean {
  const ready = getCondition(status?.conditions, ConditionType.Ready);
  const serves = ready?.status === "True" && ready.reason !== Reason.PlatformReady;
  return serves && upstream === undefined && status?.workload?.id !== undefined;
}

/** The controller has yet to look at what was asked for, is about it, or ends it. */
function isChanging({ metadata, status }: RuntimeDeployment): boolean {
  const isSeen = status?.observedGeneration === metadata.generation;
  const isWorkedOn = getCondition(status?.conditions, ConditionType.Reconciling)?.status === "True";
  return !isSeen || isWorkedOn || metadata.deletionTimestamp !== undefined;
}

function pending(message: string): EndpointState {
  return { ready: false, reason: Reason.Pending, message, retryAfterSeconds: WORKING_RETRY_SECONDS };
}

/**
 * What is known counts for the process that the status speaks of: whether another one serves, nobody has said yet. Nothing is
 * passed on to what, as its backend says, nobody here can reach.
 */
function upstreamOf(deployment: RuntimeDeployment, known: KnownEndpoints): WorkloadEndpoint | undefined {
  const { metadata, status } = deployment;
  const { id, startedAt } = status?.workload ?? {};
  const ready = getCondition(status?.conditions, ConditionType.Ready);
  if (id === undefined || ready?.reason === Reason.PlatformReady) return undefined;
  const found = known.get(keyOf(deployment), metadata.uid);
  if (found) return found.instance === instanceOf({ id, startedAt }) ? found : undefined;
  return recordedEndpoint(deployment);
}
