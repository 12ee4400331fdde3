import { NO_IMAGE, type Workload, type WorkloadSpec } from "../../backends/backend.ts";

type Looked = Pick<Workload, "reach" | "image">;

/** Pure. What it means that a workload runs, for people. */
export function whatRuns(workload: Looked): string {
  return isRemote(workload) ? "its URL is known, and others run it" : `the ${thing(workload)} runs`;
}

/** Pure. What it means that a workload is there and does not run yet, or is about to end. */
export function whatChanges(workload: Looked, to: "start" | "stop"): string {
  if (isRemote(workload)) return to === "start" ? "its URL is being made known" : "its URL is being forgotten";
  return `the ${thing(workload)} is being ${to === "start" ? "started" : "stopped"}`;
}

/** Pure. That what was there before `made` was not any more. */
export function whatWasGone({ program }: Pick<WorkloadSpec, "program">): string {
  if (program?.kind === "remote") return "its URL was not known any more; made it known again";
  return `the ${program === undefined ? "container" : "process"} was gone; made and started it again`;
}

function isRemote({ reach }: Looked): boolean {
  return reach?.kind === "remote";
}

function thing({ image: { pinned } }: Looked): "container" | "process" {
  return pinned === NO_IMAGE || pinned.startsWith("npm:") ? "process" : "container";
}
