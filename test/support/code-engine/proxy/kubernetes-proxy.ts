import { type LabelMatcher, parseLabelSelector } from "../../../../src/server/selectors/label-selector.ts";
import type { JsonObject } from "../fields/field.ts";
import type { Handler } from "../http/surface.ts";
import type { Iam } from "../iam/iam.ts";
import type { Projects } from "../projects/projects.ts";
import type { World } from "../world.ts";
import { KubeError, statusAnswer } from "./kube-status.ts";
import { podLog } from "./pod-logs.ts";
import { type Pod, podsOf, USER_CONTAINER } from "./pods.ts";

export interface ProxyOptions {
  readonly world: World;
  readonly iam: Iam;
  readonly projects: Projects;
}

const PODS = /^\/api\/v1\/namespaces\/([^/]+)\/pods(?:\/([^/]+)(\/log)?)?$/;
const METRICS = /^\/apis\/metrics\.k8s\.io\/v1beta1\/namespaces\/([^/]+)\/pods(?:\/([^/]+))?$/;

/** What the regional Kubernetes proxy lets through: pods, their logs, their CPU and memory. Read only. */
export function kubernetesProxy(options: ProxyOptions): Handler {
  return async (request) => {
    try {
      return await serve(request, options);
    } catch (error) {
      if (error instanceof KubeError) return statusAnswer(error);
      options.world.mistakes.push(error);
      return statusAnswer(new KubeError(500, "The emulator itself made a mistake; its end reports it."));
    }
  };
}

async function serve(request: Request, { world, iam, projects }: ProxyOptions): Promise<Response> {
  const caller = iam.caller(request);
  if (caller === undefined) throw new KubeError(401, "Unauthorized");
  const url = new URL(request.url);
  const metrics = METRICS.exec(url.pathname);
  const [, namespace = "", podName, log] = metrics ?? PODS.exec(url.pathname) ?? [];
  if (namespace === "") throw new KubeError(404, "the server could not find the requested resource");
  const project = projects.all.find(({ subdomain }) => subdomain === namespace);
  const allowed = project?.status === "active" && caller.sees(project.id) && caller.may("read");
  if (!allowed)
    throw new KubeError(403, `pods is forbidden: User cannot list resource in the namespace "${namespace}"`);
  if (request.method !== "GET") throw new KubeError(405, "the server does not allow this method on the resource");
  const pods = podsOf(project);
  if (podName !== undefined) {
    const pod = pods.find(({ name }) => name === podName);
    if (pod === undefined) throw new KubeError(404, `pods "${podName}" not found`);
    if (log !== undefined) return podLog(world, { pod, url, signal: request.signal });
    return Response.json(metrics ? await podMetrics(world, pod) : { kind: "Pod", apiVersion: "v1", ...pod.view() });
  }
  const selects = selector(url.searchParams.get("labelSelector") ?? "");
  const selected = pods.filter(({ labels }) => selects(labels));
  return Response.json(metrics ? await metricsList(world, selected) : podList(selected));
}

function selector(text: string): LabelMatcher {
  try {
    return parseLabelSelector(text);
  } catch (error) {
    throw new KubeError(400, (error as Error).message);
  }
}

function podList(pods: readonly Pod[]): JsonObject {
  const metadata = { resourceVersion: String(pods.length) };
  return { kind: "PodList", apiVersion: "v1", metadata, items: pods.map((pod) => pod.view()) };
}

async function metricsList(world: World, pods: readonly Pod[]): Promise<JsonObject> {
  const items = await Promise.all(pods.map((pod) => podMetrics(world, pod)));
  // What does not run yet has none.
  const measured = items.filter(({ containers }) => (containers as unknown[]).length > 0);
  return { kind: "PodMetricsList", apiVersion: "metrics.k8s.io/v1beta1", metadata: {}, items: measured };
}

async function podMetrics(world: World, pod: Pod): Promise<JsonObject> {
  const usage = await pod.usage();
  const containers = usage && [
    {
      name: USER_CONTAINER,
      usage: { cpu: `${usage.cpuNanoCores}n`, memory: `${Math.ceil(usage.memoryBytes / 1024)}Ki` },
    },
    { name: "queue-proxy", usage: { cpu: "1000000n", memory: "12288Ki" } },
  ];
  return {
    metadata: { name: pod.name, labels: pod.labels, creationTimestamp: world.timestamp() },
    timestamp: world.timestamp(),
    window: "15s",
    containers: containers ?? [],
  };
}
