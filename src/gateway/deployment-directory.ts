import type { ObjectKey } from "../api/meta.ts";
import { ConditionType, Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { recordedEndpoint } from "../backends/recorded-endpoint.ts";
import type { WorkloadEndpoint } from "../backends/workload-endpoint.ts";
import { getCondition } from "../machinery/conditions.ts";
import type { ChangeSource, Lister } from "../machinery/lister.ts";
import type { Directory, Endpoint, EndpointState } from "./directory.ts";

type Deployments = Pick<Lister<RuntimeDeployment>, "get" | "list"> & ChangeSource<RuntimeDeployment>;

/** Seconds after which a client asks again: while the controller is about it, and where only a person can change it. */
const WORKING_RETRY_SECONDS = 2;
const SETTLED_RETRY_SECONDS = 30;

/** The deployments of the API server's cache, as their status tells them. `upstreamOf`: how one is reached. */
export function deploymentDirectory(
  deployments: Deployments,
  upstreamOf: (deployment: RuntimeDeployment) => WorkloadEndpoint | undefined = upstreamInStatus,
): Directory {
  const endpoint = (deployment: RuntimeDeployment) => endpointOf(deployment, upstreamOf);
  return {
    get(namespace, name) {
      const deployment = deployments.get({ namespace, name } satisfies ObjectKey);
      return deployment && endpoint(deployment);
    },
    list: () => deployments.list().map(endpoint),
    onChange: (handler) =>
      deployments.onChange((before, after) => {
        const { namespace = "", name } = (after ?? before)?.metadata ?? { name: "" };
        handler({ namespace, name });
      }),
    hasSynced: () => deployments.hasSynced(),
  };
}

function endpointOf(
  deployment: RuntimeDeployment,
  upstreamOf: (deployment: RuntimeDeployment) => WorkloadEndpoint | undefined,
): Endpoint {
  const { metadata, status } = deployment;
  const upstream = upstreamOf(deployment);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid,
    state: stateOf(deployment, upstream),
    upstream,
    protocolVersion: status?.mcp?.protocolVersion,
    tools: status?.mcp?.tools,
  };
}

function stateOf({ status }: RuntimeDeployment, upstream: WorkloadEndpoint | undefined): EndpointState {
  const conditions = status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === ConditionType.Ready);
  if (ready === undefined) {
    const message = "the controller has not looked at it yet";
    return { ready: false, reason: "Pending", message, retryAfterSeconds: WORKING_RETRY_SECONDS };
  }
  if (ready.status === "True" && upstream) return { ready: true };
  if (ready.status === "True") {
    const message = "it serves, and has no address that the gateway could reach";
    return { ready: false, reason: "NoAddress", message, retryAfterSeconds: SETTLED_RETRY_SECONDS };
  }
  const working = conditions.some(({ type, status }) => type === ConditionType.Reconciling && status === "True");
  const retryAfterSeconds = working ? WORKING_RETRY_SECONDS : SETTLED_RETRY_SECONDS;
  return { ready: false, reason: ready.reason, message: ready.message, retryAfterSeconds };
}

/** Where its status says that it listens; undefined also where its backend says that nobody here can reach that. */
function upstreamInStatus(deployment: RuntimeDeployment): WorkloadEndpoint | undefined {
  const ready = getCondition(deployment.status?.conditions, ConditionType.Ready);
  return ready?.reason === Reason.PlatformReady ? undefined : recordedEndpoint(deployment);
}
