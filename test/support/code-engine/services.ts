import { appRoutes } from "./apps/app-routes.ts";
import { buildRoutes } from "./builds/build-routes.ts";
import { plainErrorAnswer } from "./http/answers.ts";
import { apiHandler } from "./http/api-handler.ts";
import type { CallLog } from "./http/call-log.ts";
import type { Faults, Surface } from "./http/faults.ts";
import { type Handler, surfaceHandler } from "./http/surface.ts";
import { type Iam, iamError } from "./iam/iam.ts";
import { jobRoutes } from "./jobs/job-routes.ts";
import { cloudLogs } from "./observability/cloud-logs.ts";
import type { MetricHistory } from "./observability/metric-history.ts";
import { monitoring } from "./observability/monitoring.ts";
import { projectRoutes } from "./projects/project-routes.ts";
import type { Projects } from "./projects/projects.ts";
import { KubeError, statusAnswer } from "./proxy/kube-status.ts";
import { kubernetesProxy } from "./proxy/kubernetes-proxy.ts";
import { dataRoutes } from "./resources/data-routes.ts";
import { networkRoutes } from "./resources/network-routes.ts";
import type { World } from "./world.ts";

export type Handlers = { readonly [K in Surface]: Handler };

export interface ServicesOptions {
  readonly world: World;
  readonly iam: Iam;
  readonly projects: Projects;
  readonly metrics: MetricHistory;
  readonly faults: Faults;
  readonly calls: CallLog;
}

type ErrorAnswer = (status: number, headers: Record<string, string>) => Response;

const FAULT = "A fault that was asked for.";

/** All services that stand on an address of their own, each with its faults and the record of its calls. */
export function services({ world, iam, projects, metrics, faults, calls }: ServicesOptions): Handlers {
  const surface = (name: Surface, handler: Handler, errorAnswer: ErrorAnswer) =>
    surfaceHandler({ surface: name, handler, errorAnswer, faults, calls, clock: world.clock });
  const plain: ErrorAnswer = (status, headers) => plainErrorAnswer(status, FAULT, headers);
  return {
    api: surface("api", apiHandler({ world, iam, routes: routesOf(world, projects) }), plain),
    iam: surface("iam", iam.handle, (status, headers) => iamError(status, "BXNIM0500E", FAULT, headers)),
    proxy: surface("proxy", kubernetesProxy({ world, iam, projects }), (status, headers) =>
      statusAnswer(new KubeError(status, FAULT), headers),
    ),
    logs: surface("logs", cloudLogs({ world, iam }), plain),
    monitoring: surface("monitoring", monitoring({ iam, metrics }), plain),
  };
}

function routesOf(world: World, projects: Projects) {
  const { findActive } = projects;
  return [
    ...projectRoutes(world, projects),
    ...appRoutes(findActive),
    ...dataRoutes(world, findActive),
    ...buildRoutes(findActive),
    ...jobRoutes(findActive),
    ...networkRoutes(projects, findActive),
  ];
}
