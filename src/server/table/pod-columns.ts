import { at, column, type Fields, list } from "./cell.ts";
import type { Cell, Column } from "./column.ts";

/** kubectl's table of pods. */
export function podColumns(age: Column): readonly Column[] {
  return [
    column("Ready", ready),
    column("Status", status),
    column("Restarts", restarts),
    age,
    column("IP", (pod) => at(pod, ".status.podIP") || "<none>", 1),
    column("Node", (pod) => at(pod, ".spec.nodeName") || "<none>", 1),
    column("Nominated Node", (pod) => at(pod, ".status.nominatedNodeName") || "<none>", 1),
    column("Readiness Gates", readinessGates, 1),
  ];
}

interface ContainerStatus extends Fields {
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly signal?: number };
    readonly running?: object;
  };
}

const ready: Cell = (pod) => {
  const statuses = list<ContainerStatus>(pod, ".status.containerStatuses");
  return `${statuses.filter((container) => container.ready === true).length}/${list(pod, ".spec.containers").length}`;
};

const restarts: Cell = (pod) =>
  list<ContainerStatus>(pod, ".status.containerStatuses").reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);

/** What keeps the pod from running counts more than its phase. */
const status: Cell = (pod) => {
  if (at(pod, ".metadata.deletionTimestamp") !== undefined) return "Terminating";
  let reason = String(at(pod, ".status.reason") ?? at(pod, ".status.phase") ?? "");
  for (const { state } of list<ContainerStatus>(pod, ".status.containerStatuses")) {
    if (state?.waiting?.reason) reason = state.waiting.reason;
    else if (state?.terminated !== undefined) reason = terminated(state.terminated);
  }
  return reason;
};

function terminated({ reason, signal, exitCode }: { reason?: string; signal?: number; exitCode?: number }): string {
  if (reason) return reason;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`;
}

const readinessGates: Cell = (pod) => {
  const gates = list<{ conditionType?: string }>(pod, ".spec.readinessGates");
  if (gates.length === 0) return "<none>";
  const conditions = list<Fields>(pod, ".status.conditions");
  const met = gates.filter(({ conditionType }) =>
    conditions.some(({ type, status: value }) => type === conditionType && value === "True"),
  );
  return `${met.length}/${gates.length}`;
};
