/** Why a revision is not ready. The first four are waits: it fails only when its time is up. */
export const REVISION_REASONS = [
  "waiting",
  "deploying",
  "deploying_waiting_for_resources",
  "initial_scale_never_achieved",
  "fetch_image_failed_unknown_manifest",
  "fetch_image_failed_unknown_repository",
  "fetch_image_failed_registry_not_found",
  "fetch_image_failed_missing_pull_secret",
  "fetch_image_failed_wrong_pull_credentials",
  "fetch_image_failed_missing_pull_credentials",
  "container_failed_exit_code_0",
  "container_failed_exit_code_1",
  "container_failed_exit_code_24",
  "container_failed_exit_code_139",
  "image_pull_back_off",
  "invalid_tar_header_image_pull_err",
] as const;
export type RevisionReason = (typeof REVISION_REASONS)[number];

export const BUILD_REASONS = [
  "strategy_not_found",
  "cluster_build_strategy_not_found",
  "set_owner_reference_failed",
  "spec_source_secret_not_found",
  "spec_output_secret_ref_not_found",
  "spec_runtime_secret_ref_not_found",
  "multiple_secret_ref_not_found",
  "runtime_paths_can_not_be_empty",
  "remote_repository_unreachable",
  "failed",
] as const;
export type BuildReason = (typeof BUILD_REASONS)[number];

export const BUILD_RUN_REASONS = [
  "failed_to_execute_build_run",
  "exceeded_ephemeral_storage",
  "missing_registry_access",
  "missing_code_repo_access",
  "missing_secrets",
  "unknown_strategy",
  "invalid_build_configuration",
  "pod_evicted_because_of_storage_quota_exceeds",
  "pod_evicted",
  "missing_task_run",
  "task_run_generation_failed",
  "build_not_found",
  "timeout",
  "failed",
] as const;
export type BuildRunReason = (typeof BUILD_RUN_REASONS)[number];

export const JOB_RUN_REASONS = [
  "OOMKilled",
  "ContainerExitedCode1",
  "ExceededEphemeralStorage",
  "ExecutableNotFound",
  "MaxExecutionTimeExceeded",
] as const;
export type JobRunReason = (typeof JOB_RUN_REASONS)[number];

export const DOMAIN_MAPPING_REASONS = [
  "domain_already_claimed",
  "app_ref_failed",
  "failed_reconcile_ingress",
  "failed",
] as const;
export type DomainMappingReason = (typeof DOMAIN_MAPPING_REASONS)[number];

export const DESTINATION_REASONS = [
  "failed",
  "private_path_crn_invalid",
  "private_path_not_found",
  "private_path_not_published",
  "private_path_not_in_same_region",
  "private_path_not_in_same_account_family",
  "private_path_connection_already_exists",
  "private_path_connection_approval_pending",
  "private_path_connection_approval_denied",
] as const;
export type DestinationReason = (typeof DESTINATION_REASONS)[number];

export const PROJECT_FAILURES = ["creation_failed", "deletion_failed", "hard_deletion_failed"] as const;
export type ProjectFailure = (typeof PROJECT_FAILURES)[number];

interface Reasons {
  readonly revision: RevisionReason;
  readonly build: BuildReason;
  readonly "build-run": BuildRunReason;
  readonly "job-run": JobRunReason;
  readonly "domain-mapping": DomainMappingReason;
  readonly destination: DestinationReason;
  readonly project: ProjectFailure;
}
export type FailingKind = keyof Reasons;

export type FailureRule = {
  readonly [K in FailingKind]: {
    readonly kind: K;
    readonly reason: Reasons[K];
    /** Of the resource; for revisions the application's, for runs their own or their build's or job's. */
    readonly name?: string | RegExp;
    /** The image that a revision or a job runs, as the resource names it. */
    readonly image?: string | RegExp;
    /** So many times; always unless told otherwise. */
    readonly count?: number;
  };
}[FailingKind];

interface Subject {
  readonly names: readonly string[];
  readonly image?: string;
}

interface Placed {
  readonly rule: FailureRule;
  left: number;
}

/** Failures that tests ask for, by kind and name or image. */
export class Failures {
  #placed: Placed[] = [];

  /** Answers how to take it back. */
  add(rule: FailureRule): () => void {
    const placed = { rule, left: rule.count ?? Number.POSITIVE_INFINITY };
    this.#placed.push(placed);
    return () => {
      this.#placed = this.#placed.filter((other) => other !== placed);
    };
  }

  clear(): void {
    this.#placed = [];
  }

  /** The reason for which this is to fail now; each answer counts. */
  take<K extends FailingKind>(kind: K, subject: Subject & { reason?: Reasons[K] }): Reasons[K] | undefined {
    const found = this.#placed.find(
      ({ rule, left }) =>
        left > 0 &&
        rule.kind === kind &&
        (subject.reason === undefined || rule.reason === subject.reason) &&
        concerns(rule, subject),
    );
    if (!found) return undefined;
    found.left -= 1;
    return found.rule.reason as Reasons[K];
  }
}

function concerns(rule: FailureRule, { names, image }: Subject): boolean {
  const { name, image: wanted } = rule;
  if (name !== undefined && !names.some((one) => fits(name, one))) return false;
  return wanted === undefined || (image !== undefined && fits(wanted, image));
}

function fits(pattern: string | RegExp, value: string): boolean {
  return typeof pattern === "string" ? pattern === value : pattern.test(value);
}
