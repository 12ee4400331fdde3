import type { App } from "../apps/app.ts";
import type { ContainerState, Instance } from "../apps/instance.ts";
import type { Revision } from "../apps/revision.ts";
import type { BuildRun } from "../builds/build-run.ts";
import type { JsonObject } from "../fields/field.ts";
import type { Project } from "../projects/project.ts";
import type { LogLine, LogQuery, Usage } from "../runtime/runtime.ts";

/** A pod of a project's namespace, whatever it belongs to. */
export interface Pod {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly string[];
  readonly view: () => JsonObject;
  /** Of one container. Undefined while there is nothing to read. */
  readonly logs: (container: string, previous: boolean) => ((query: LogQuery) => AsyncIterable<LogLine>) | undefined;
  /** Undefined where nothing runs. */
  readonly usage: () => Promise<Usage | undefined>;
}

export const USER_CONTAINER = "user-container";
const QUEUE_PROXY = "queue-proxy";
const BUILD_CONTAINERS = ["step-source-default", "step-build-and-push"];

/** All pods of a namespace, by name. Nothing at zero instances has one. */
export function podsOf(project: Project): Pod[] {
  const apps = project.apps
    .list()
    .flatMap((app) =>
      app.revisions.flatMap((revision) =>
        revision.instances.map((instance) => instancePod(project, { app, revision, instance })),
      ),
    );
  const builds = project.buildRuns.list().map((run) => buildRunPod(project, run));
  return [...apps, ...builds].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function instancePod(
  project: Project,
  { app, revision, instance }: { app: App; revision: Revision; instance: Instance },
): Pod {
  const labels = {
    app: revision.name,
    "serving.knative.dev/configuration": app.name,
    "serving.knative.dev/revision": revision.name,
    "serving.knative.dev/service": app.name,
  };
  return {
    name: instance.name,
    labels,
    containers: [USER_CONTAINER, QUEUE_PROXY],
    view: () =>
      podView(project, {
        name: instance.name,
        uid: instance.id,
        labels,
        createdAt: instance.createdAt,
        phase: instance.status === "running" ? "Running" : "Pending",
        containers: [
          { name: USER_CONTAINER, image: revision.template.image_reference },
          { name: QUEUE_PROXY, image: "icr.io/obs/codeengine/knative-serving/queue" },
        ],
        statuses: [
          {
            name: USER_CONTAINER,
            ready: instance.ready,
            restartCount: Math.max(instance.restarts, 0),
            image: revision.template.image_reference,
            imageID: revision.image?.digest ?? "",
            state: kubeState(instance.current),
            lastState: instance.last ? kubeState(instance.last) : {},
          },
        ],
      }),
    logs(container, previous) {
      if (container !== USER_CONTAINER) return noLog;
      // Of a container that waits to start again, the last run is the newest there is.
      const run = previous ? instance.previous : (instance.running ?? instance.previous);
      return run && ((query) => run.logs(query));
    },
    usage: async () => await instance.running?.usage(),
  };
}

function buildRunPod(project: Project, run: BuildRun): Pod {
  const labels = {
    "buildrun.shipwright.io/name": run.name,
    ...(run.buildName !== undefined && { "build.shipwright.io/name": run.buildName }),
  };
  const phases = { pending: "Pending", running: "Running", succeeded: "Succeeded", failed: "Failed" };
  return {
    name: run.pod,
    labels,
    containers: BUILD_CONTAINERS,
    view: () =>
      podView(project, {
        name: run.pod,
        uid: run.id,
        labels,
        createdAt: run.createdAt,
        phase: phases[run.status],
        containers: BUILD_CONTAINERS.map((name) => ({ name, image: "icr.io/obs/codeengine/builder" })),
        statuses: [],
      }),
    logs(container) {
      if (run.status === "pending") return undefined;
      return (query) => (container === BUILD_CONTAINERS[0] ? run.sourceLog : run.log).read(query);
    },
    usage: async () => undefined,
  };
}

interface PodParts {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly phase: string;
  readonly containers: readonly JsonObject[];
  readonly statuses: readonly JsonObject[];
}

function podView(
  project: Project,
  { name, uid, labels, createdAt, phase, containers, statuses }: PodParts,
): JsonObject {
  return {
    metadata: { name, namespace: project.subdomain, uid, labels, creationTimestamp: createdAt },
    spec: { containers },
    status: { phase, containerStatuses: statuses },
  };
}

function kubeState({ container_status, reason, exit_code, started_at, completed_at }: ContainerState): JsonObject {
  switch (container_status) {
    case "running":
      return { running: { startedAt: started_at } };
    case "pending":
      return { waiting: { reason } };
    case "terminated":
      return { terminated: { exitCode: exit_code, reason, startedAt: started_at, finishedAt: completed_at } };
    default:
      return container_status satisfies never;
  }
}

async function* noLog(): AsyncGenerator<LogLine> {
  // The platform's own containers say nothing here.
}
