import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { ControllersMetrics } from "../controllers/create-controllers.ts";
import type { ControllerMetrics } from "../machinery/controller.ts";
import type { Metrics } from "../machinery/metrics.ts";

/** Registers what the controllers count, and answers the callbacks that count it. */
export function controllerMetrics(
  metrics: Metrics,
  deployments: () => readonly RuntimeDeployment[],
): ControllersMetrics {
  const reconciles = metrics.counter("slipway_reconcile_total", "Reconciles by controller and result.");
  const durations = metrics.histogram("slipway_reconcile_duration_seconds", "Time that a reconcile took.");
  const dropped = metrics.counter("slipway_events_dropped_total", "Kubernetes events that were not recorded, by why.");
  metrics.gauge("slipway_deployments", "RuntimeDeployments by phase.", () => {
    const phases = Object.groupBy(deployments(), ({ status }) => status?.phase ?? "Pending");
    return Object.entries(phases).map(([phase, items]) => ({ labels: { phase }, value: items.length }));
  });
  metrics.gauge(
    "slipway_registrations",
    "RuntimeDeployments at external gateways, by gateway and whether they serve there.",
    () => {
      const all = deployments().flatMap(({ status }) => status?.registrations ?? []);
      const groups = Object.groupBy(all, ({ gateway, active = false }) => `${active} ${gateway}`);
      return Object.values(groups).flatMap((items = []) =>
        items.slice(0, 1).map(({ gateway, active = false }) => ({
          labels: { gateway, active: String(active) },
          value: items.length,
        })),
      );
    },
  );
  const of = (controller: string): ControllerMetrics => ({
    reconciled(result, tookMs) {
      reconciles.inc({ controller, result });
      durations.observe(tookMs / 1000, { controller });
    },
  });
  return {
    deployments: of("runtimedeployment"),
    backends: of("runtimebackend"),
    profiles: of("guardrailprofile"),
    approvals: of("approval"),
    policies: of("approvalpolicy"),
    gateways: of("mcpgateway"),
    registrations: of("registration"),
    eventDropped: (why) => dropped.inc({ why }),
  };
}
