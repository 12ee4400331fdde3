import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { BuildState } from "../../build.ts";
import type { BuildRun } from "../client/resources/builds.ts";
import { runTrouble } from "./build-trouble.ts";

/** Code Engine ends a build at its timeout; what goes on so much longer is given up. */
const GRACE_MS = 60_000;

export interface RunFacts {
  readonly run: BuildRun;
  /** Where its image goes, without tag. */
  readonly repository: string;
  readonly timeoutSeconds: number;
  readonly now: Date;
}

/** Pure. How a run stands. */
export function stateOf({ run, repository, timeoutSeconds, now }: RunFacts): BuildState {
  const { name: id, status, status_details: details = {} } = run;
  const startedAt = details.start_time;
  const completedAt = details.completion_time;
  switch (status) {
    case "succeeded": {
      const digest = details.output_digest;
      if (digest === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest)) {
        const message = "Code Engine says that it has built, and not what; another attempt tells";
        return { id, startedAt, kind: "failed", reason: Reason.BuildFailed, message, retryable: true, completedAt };
      }
      const image = { pinned: `${repository}@${digest}` };
      return { id, startedAt, kind: "built", image, commit: details.git_commit_sha || undefined, completedAt };
    }
    case "failed":
      return { id, startedAt, kind: "failed", ...runTrouble(details.reason), completedAt };
    case "running": {
      const over = startedAt !== undefined && now.getTime() - Date.parse(startedAt) > timeoutSeconds * 1000 + GRACE_MS;
      if (over) return { id, startedAt, kind: "failed", ...runTrouble("timeout"), completedAt: undefined };
      return { id, startedAt, kind: "running", message: "it runs on Code Engine" };
    }
    default:
      return { id, startedAt: undefined, kind: "waiting", message: "it waits until Code Engine begins it" };
  }
}
