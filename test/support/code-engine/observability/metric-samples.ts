import type { App } from "../apps/app.ts";
import type { Revision } from "../apps/revision.ts";

/** One value of one series. The metric's name is the label `__name__`. */
export interface MetricSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

const PREFIX = "ibm_codeengine_application_";

/** What the platform measures of an application now. */
export function samplesOf(app: App): MetricSample[] {
  const labels = {
    ibm_codeengine_project_name: app.project.name,
    ibm_codeengine_namespace: app.project.subdomain,
    ibm_codeengine_application_name: app.name,
  };
  const sample = (name: string, value: number, more: Readonly<Record<string, string>> = {}): MetricSample => ({
    metric: { __name__: `${PREFIX}${name}`, ...labels, ...more },
    value,
  });
  const instances = app.revisions.flatMap((revision) =>
    Object.entries(instancesOf(revision)).map(([name, value]) =>
      sample(name, value, { ibm_codeengine_revision_name: revision.name }),
    ),
  );
  const requests = app.requests.map(({ revision, status, count }) =>
    sample("requests_total", count, {
      ibm_codeengine_revision_name: revision,
      ibm_codeengine_status: String(status),
    }),
  );
  return [...instances, ...requests, sample("revision_count", app.revisions.length)];
}

function instancesOf({ instances: all, template }: Revision): Readonly<Record<string, number>> {
  const active = all.reduce((sum, instance) => sum + instance.active, 0);
  return {
    actual_instances: all.length,
    requested_instances: all.length,
    desired_instances: all.length,
    pending_instances: all.filter(({ status }) => status === "pending").length,
    not_ready_instances: all.filter(({ ready }) => !ready).length,
    terminating_instances: 0,
    target_concurrency_per_pod: template.scale_concurrency_target ?? template.scale_concurrency,
    stable_request_concurrency: active,
    panic_request_concurrency: active,
    panic_mode: 0,
  };
}
