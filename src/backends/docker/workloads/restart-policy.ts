import type { WorkloadSpec } from "../../backend.ts";

/**
 * The Engine's word for a restart policy. `Always` is `unless-stopped`: an Engine that starts again itself must not
 * bring back what was stopped on purpose.
 */
export const ENGINE_RESTART_POLICY = {
  Always: "unless-stopped",
  OnFailure: "on-failure",
  Never: "no",
} as const satisfies Record<WorkloadSpec["restartPolicy"], string>;
