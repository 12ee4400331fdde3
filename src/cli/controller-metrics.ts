import { ConditionType } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { ControllersMetrics } from "../controllers/create-controllers.ts";
import type { RepairKind } from "../controllers/runtime-deployment/apply.ts";
import type { Clock } from "../machinery/clock.ts";
import { getCondition } from "../machinery/conditions.ts";
import type { ControllerMetrics } from "../machinery/controller.ts";
import type { ChangeSource } from "../machinery/lister.ts";
import type { Metrics } from "../machinery/metrics.ts";
import { informerMetrics } from "./informer-metrics.ts";
import { timeToReady } from "./time-to-ready.ts";
import { workQueueMetrics } from "./workqueue-metrics.ts";

/** All, so that one which nothing is in is told of as 0 and not left out. */
const PHASES = [
  ...["Pending", "PendingApproval", "Building", "Deploying", "Running", "Connected"],
  ...["Stopped", "Error", "Deleting"],
];
/** There are some sixty; whoever may write a status could write any. */
const MOST_REASONS = 100;
/** All of them, so that the first is an increase and not a beginning. */
const REPAIRS: readonly RepairKind[] = ["gone", "ended", "paused", "name", "network", "ports", "sandbox", "spec"];
/** A server that is there starts within a second; an image that is pulled or built takes minutes. */
const READY_BUCKETS: readonly number[] = [0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1_800];

export interface ControllerMetricsOptions {
  readonly clock: Clock;
  readonly deployments: () => readonly RuntimeDeployment[];
  /** What `spec.type` of a RuntimeBackend may be. */
  readonly backendTypes: readonly string[];
}

/** Registers what the controllers count, and answers the callbacks that count it. */
export function controllerMetrics(
  metrics: Metrics,
  { clock, deployments, backendTypes }: ControllerMetricsOptions,
): ControllersMetrics {
  const reconciles = metrics.counter("slipway_reconcile_total", "Reconciles by controller and result.");
  const durations = metrics.histogram("slipway_reconcile_duration_seconds", "Time that a reconcile took.");
  const dropped = metrics.counter("slipway_events_dropped_total", "Kubernetes events that were not recorded, by why.");
  const repairs = metrics.counter(
    "slipway_drift_repairs_total",
    "What was put right that nobody asked for, by the backend's type and what was wrong: gone, ended, paused, name, network, ports, sandbox, spec.",
  );
  for (const type of backendTypes) for (const what of REPAIRS) repairs.inc({ type, what }, 0);
  const queue = workQueueMetrics(metrics);
  registerDeployments(metrics, deployments);
  const of = (controller: string): ControllerMetrics => {
    const observe = durations.of({ controller });
    const counted = new Map<string, () => void>();
    for (const result of ["success", "error"]) reconciles.inc({ controller, result }, 0);
    return {
      queue: queue(controller),
      reconciled(result, tookMs) {
        const count = counted.get(result) ?? reconciles.of({ controller, result });
        counted.set(result, count);
        count();
        observe(tookMs / 1000);
      },
    };
  };
  return {
    deployments: of("runtimedeployment"),
    backends: of("runtimebackend"),
    profiles: of("guardrailprofile"),
    approvals: of("approval"),
    policies: of("approvalpolicy"),
    gateways: of("mcpgateway"),
    registrations: of("registration"),
    eventDropped: (why) => dropped.inc({ why }),
    informer: informerMetrics(metrics, clock),
    repaired: (type, what) => repairs.inc({ type, what }),
  };
}

/** Registers how long deployments take to become Ready. */
export function readinessMetrics(metrics: Metrics, clock: Clock, deployments: ChangeSource<RuntimeDeployment>): void {
  const times = metrics.histogram(
    "slipway_deployment_ready_duration_seconds",
    "Time from when a new generation of a RuntimeDeployment was seen until it was Ready, by its kind of source, without waits for approval.",
    READY_BUCKETS,
  );
  deployments.onChange(timeToReady(clock, (source, ms) => times.observe(ms / 1_000, { source })));
}

function registerDeployments(metrics: Metrics, deployments: () => readonly RuntimeDeployment[]): void {
  metrics.gauge("slipway_deployments", "RuntimeDeployments by phase.", () => {
    const counts = new Map(PHASES.map((phase) => [phase, 0]));
    for (const { status } of deployments()) {
      const phase = status?.phase ?? "Pending";
      counts.set(phase, (counts.get(phase) ?? 0) + 1);
    }
    return [...counts].map(([phase, value]) => ({ labels: { phase }, value }));
  });
  metrics.gauge("slipway_deployments_not_ready", "RuntimeDeployments whose Ready is not True, by its reason.", () => {
    const counts = new Map<string, number>();
    for (const { status } of deployments()) {
      const ready = getCondition(status?.conditions, ConditionType.Ready);
      if (ready?.status === "True") continue;
      const own = ready?.reason ?? "Pending";
      const reason = counts.has(own) || counts.size < MOST_REASONS ? own : "Other";
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return [...counts].map(([reason, value]) => ({ labels: { reason }, value }));
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
}
