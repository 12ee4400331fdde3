import { NO_IMAGE, type Workload } from "../../backends/backend.ts";

/** Pure. What it means that a workload runs, for people. */
export function whatRuns({ reach, image }: Pick<Workload, "reach" | "image">): string {
  if (reach?.kind === "remote") return "its URL is known, and others run it";
  return image.pinned === NO_IMAGE || image.pinned.startsWith("npm:") ? "the process runs" : "the container runs";
}
