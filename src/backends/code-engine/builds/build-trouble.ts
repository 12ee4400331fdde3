import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Trouble } from "../../backend.ts";
import type { BuildReason, BuildRunReason } from "../client/resources/builds.ts";

/** Why there is no image, and whether the same request may have one later. */
export interface BuildTrouble extends Trouble {
  readonly retryable: boolean;
}

const LARGER = "choose a larger codeEngine.builds.size in the RuntimeBackend";

function lasting(reason: string, message: string): BuildTrouble {
  return { reason, message, retryable: false };
}

function passing(message: string): BuildTrouble {
  return { reason: Reason.BuildFailed, message, retryable: true };
}

type Ended = Exclude<BuildRunReason, "succeeded" | "running" | "pending">;

const RUN_TROUBLES: Readonly<Record<Ended, BuildTrouble>> = {
  failed_to_execute_build_run: passing("Code Engine could not begin the build; another attempt may go better"),
  exceeded_ephemeral_storage: lasting(
    Reason.BuildFailed,
    `the build needs more disk than it has; ${LARGER}, or make its context and its layers smaller`,
  ),
  missing_registry_access: lasting(
    Reason.BuildPushUnauthorized,
    "the registry does not let the image in; correct the Secret of spec.source.git.push.secretRef, which must be one that may push there, or spec.source.git.push.repository",
  ),
  missing_code_repo_access: lasting(
    Reason.BuildSourceUnauthorized,
    "the git repository does not exist, is out of reach, or does not let Code Engine in; correct spec.source.git.url, name a Secret of type kubernetes.io/ssh-auth in credentialsRef whose key it accepts, and see that the project's outbound rules let builds out",
  ),
  missing_secrets: passing(
    "a secret of the build was taken out of the project; it is made again with the next attempt",
  ),
  unknown_strategy: lasting(
    Reason.BuildFailed,
    "Code Engine does not know how to build that; check codeEngine.builds.size in the RuntimeBackend",
  ),
  invalid_build_configuration: lasting(
    Reason.BuildFailed,
    "Code Engine refuses the build as it is; check url, revision, contextDir, dockerfile and buildArgs of spec.source.git",
  ),
  pod_evicted_because_of_storage_quota_exceeds: lasting(
    Reason.BuildFailed,
    `the build was ended since it filled more disk than it may; ${LARGER}, or make its context and its layers smaller`,
  ),
  pod_evicted: passing("Code Engine needed the machine for something else and ended the build"),
  missing_task_run: passing("Code Engine lost the build"),
  task_run_generation_failed: passing("Code Engine could not prepare the build"),
  build_not_found: passing("the build was taken out of the project; it is made again with the next attempt"),
  timeout: lasting(
    Reason.BuildTimeout,
    `the build took longer than it may; raise spec.source.git.timeoutSeconds (3600 at most), or ${LARGER}`,
  ),
  failed: lasting(
    Reason.BuildFailed,
    "a step of the build failed, which is most often one of the Dockerfile, or there is no such revision, contextDir or dockerfile",
  ),
};

/** Pure. What it means that a run failed. */
export function runTrouble(reason: string | undefined): BuildTrouble {
  const known = Object.entries(RUN_TROUBLES).find(([name]) => name === reason)?.[1];
  return known ?? lasting(Reason.BuildFailed, `Code Engine says: ${told(reason)}`);
}

const BUILD_TROUBLES: Readonly<Record<Exclude<BuildReason, "registered" | SecretReason>, BuildTrouble>> = {
  strategy_not_found: RUN_TROUBLES.unknown_strategy,
  cluster_build_strategy_not_found: RUN_TROUBLES.unknown_strategy,
  set_owner_reference_failed: passing("Code Engine could not register the build"),
  runtime_paths_can_not_be_empty: RUN_TROUBLES.invalid_build_configuration,
  remote_repository_unreachable: lasting(
    Reason.BuildSourceUnauthorized,
    "Code Engine does not reach the git repository; correct spec.source.git.url, and check that its host answers to the internet and that the project's outbound rules allow it",
  ),
  failed: passing("Code Engine could not register the build, and does not say why"),
};

type SecretReason =
  | "spec_source_secret_not_found"
  | "spec_output_secret_ref_not_found"
  | "spec_runtime_secret_ref_not_found"
  | "multiple_secret_ref_not_found";

/** Pure. Whether a build was registered while one of its secrets was not there. */
export function lacksSecret(reason: string | undefined): boolean {
  return /secret_(ref_)?not_found$/.test(reason ?? "");
}

/** Pure. What it means that a build could not be registered. */
export function registrationTrouble(reason: string | undefined): BuildTrouble {
  const known = Object.entries(BUILD_TROUBLES).find(([name]) => name === reason)?.[1];
  return known ?? lasting(Reason.BuildFailed, `Code Engine could not register the build: ${told(reason)}`);
}

function told(reason: string | undefined): string {
  return (reason ?? "nothing").replaceAll("_", " ");
}
