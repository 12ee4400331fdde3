import type { App } from "../apps/app.ts";
import type { Handler } from "../http/surface.ts";
import type { Iam } from "../iam/iam.ts";
import type { Projects } from "../projects/projects.ts";
import type { World } from "../world.ts";

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

const PREFIX = "ibm_codeengine_application_";

/** `GET …/prometheus/api/v1/query` of IBM Cloud Monitoring, for one metric and its labels. */
export function monitoring(parts: { readonly world: World; readonly iam: Iam; readonly projects: Projects }): Handler {
  return async (request) => {
    const url = new URL(request.url);
    if (parts.iam.caller(request) === undefined) return failure(401, "unauthorized", "the token is not valid");
    if (!(request.headers.get("ibminstanceid") ?? "")) return failure(400, "bad_data", "IBMInstanceID is missing");
    if (!/^(\/api)?\/prometheus\/api\/v1\/query$/.test(url.pathname)) return failure(404, "not_found", "no such path");
    const selector = parseSelector(url.searchParams.get("query") ?? "");
    if (selector === undefined) return failure(400, "bad_data", 'the emulator understands metric{label="value"} only');
    const now = parts.world.clock.now().getTime() / 1000;
    const samples = parts.projects.all.flatMap(({ apps, name, subdomain }) =>
      apps.list().flatMap((app) => samplesOf(app, { project: name, namespace: subdomain })),
    );
    const result = samples
      .filter(({ metric }) => Object.entries(selector).every(([label, value]) => metric[label] === value))
      .map(({ metric, value }) => ({ metric, value: [now, String(value)] }));
    return Response.json({ status: "success", data: { resultType: "vector", result } });
  };
}

/** The name of the metric is the label `__name__`. */
function parseSelector(query: string): Record<string, string> | undefined {
  const [, name, inside = ""] = /^\s*([a-zA-Z_:]\w*)(?:\{(.*)\})?\s*$/.exec(query) ?? [];
  if (name === undefined) return undefined;
  const labels: Record<string, string> = { __name__: name };
  for (const matcher of inside.split(",").filter((part) => part.trim() !== "")) {
    const [, label, value] = /^\s*(\w+)="([^"]*)"\s*$/.exec(matcher) ?? [];
    if (label === undefined || value === undefined) return undefined;
    labels[label] = value;
  }
  return labels;
}

function samplesOf(app: App, { project, namespace }: { project: string; namespace: string }): Sample[] {
  const labels = {
    ibm_codeengine_project_name: project,
    ibm_codeengine_namespace: namespace,
    ibm_codeengine_application_name: app.name,
  };
  const instances = app.revisions.flatMap((revision) => {
    const all = revision.instances;
    const ready = all.filter((instance) => instance.ready).length;
    const active = all.reduce((sum, instance) => sum + instance.active, 0);
    const values = {
      actual_instances: all.length,
      requested_instances: all.length,
      desired_instances: all.length,
      pending_instances: all.filter(({ status }) => status === "pending").length,
      not_ready_instances: all.length - ready,
      terminating_instances: 0,
      target_concurrency_per_pod: revision.template.scale_concurrency_target ?? revision.template.scale_concurrency,
      stable_request_concurrency: active,
      panic_request_concurrency: active,
      panic_mode: 0,
    };
    return Object.entries(values).map(([name, value]) => ({
      metric: { __name__: `${PREFIX}${name}`, ...labels, ibm_codeengine_revision_name: revision.name },
      value,
    }));
  });
  const requests = [...app.requests].map(([status, value]) => ({
    metric: { __name__: `${PREFIX}requests_total`, ...labels, ibm_codeengine_status: String(status) },
    value,
  }));
  const revisions = { metric: { __name__: `${PREFIX}revision_count`, ...labels }, value: app.revisions.length };
  return [...instances, ...requests, revisions];
}

function failure(status: number, errorType: string, error: string): Response {
  return Response.json({ status: "error", errorType, error }, { status });
}
