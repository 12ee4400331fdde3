import { listOrEmpty, number, object, optional, string, word } from "../shape.ts";
import { envVariable } from "./container.ts";
import { identityFields, type MergePatch } from "./identity.ts";

export type BuildStrategy = "dockerfile" | "buildpacks";
/** 0.5/2, 1/4, 2/8, 4/16 and 12/48 vCPU/GB. */
export type BuildSize = "small" | "medium" | "large" | "xlarge" | "xxlarge";
export type BuildStatus = "ready" | "failed";

export type BuildReason =
  | "registered"
  | "strategy_not_found"
  | "cluster_build_strategy_not_found"
  | "set_owner_reference_failed"
  | "spec_source_secret_not_found"
  | "spec_output_secret_ref_not_found"
  | "spec_runtime_secret_ref_not_found"
  | "multiple_secret_ref_not_found"
  | "runtime_paths_can_not_be_empty"
  | "remote_repository_unreachable"
  | "failed";

const recipeFields = {
  output_image: optional(string),
  output_secret: optional(string),
  strategy_type: optional(word<BuildStrategy>()),
  strategy_size: optional(word<BuildSize>()),
  strategy_spec_file: optional(string),
  source_type: optional(word<"git" | "local">()),
  source_url: optional(string),
  source_revision: optional(string),
  source_context_dir: optional(string),
  source_secret: optional(string),
  timeout: optional(number),
  run_build_params: listOrEmpty(envVariable),
} as const;

/** A secret that is missing shows here and not as a refusal. */
export const build = object({
  ...identityFields,
  ...recipeFields,
  entity_tag: string,
  status: optional(word<BuildStatus>()),
  status_details: optional(object({ reason: optional(word<BuildReason>()) })),
});
export type Build = ReturnType<typeof build>;

export type BuildParameter =
  | { readonly type: "literal"; readonly name: string; readonly value: string }
  | {
      readonly type: "config_map_key_reference" | "secret_key_reference";
      readonly name: string;
      readonly reference: string;
      readonly key: string;
    };

export interface Recipe {
  /** See `imageReferenceTrouble`. */
  readonly output_image: string;
  /** A registry secret that may push. */
  readonly output_secret: string;
  readonly strategy_type: BuildStrategy;
  readonly strategy_size?: BuildSize;
  readonly strategy_spec_file?: string;
  readonly source_type?: "git" | "local";
  /** `https://host/path`, `git@host:path` or `ssh://git@…`; no http, no credentials, no slash at the end. */
  readonly source_url?: string;
  /** A branch, a tag, or a commit. */
  readonly source_revision?: string;
  readonly source_context_dir?: string;
  /** An `ssh_auth` secret. */
  readonly source_secret?: string;
  /** Seconds, at most 3600. */
  readonly timeout?: number;
  readonly run_build_params?: readonly BuildParameter[];
}

export interface BuildPrototype extends Recipe {
  /** See `resourceNameTrouble`. */
  readonly name: string;
}

export type BuildPatch = MergePatch<Recipe>;

export type BuildRunStatus = "pending" | "running" | "succeeded" | "failed";

export type BuildRunReason =
  | "succeeded"
  | "running"
  | "pending"
  | "failed_to_execute_build_run"
  | "exceeded_ephemeral_storage"
  | "missing_registry_access"
  | "missing_code_repo_access"
  | "missing_secrets"
  | "unknown_strategy"
  | "invalid_build_configuration"
  | "pod_evicted_because_of_storage_quota_exceeds"
  | "pod_evicted"
  | "missing_task_run"
  | "task_run_generation_failed"
  | "build_not_found"
  | "timeout"
  | "failed";

/** Gone three hours after it succeeded and seven days after it failed: keep what matters of it elsewhere. */
export const buildRun = object({
  ...identityFields,
  ...recipeFields,
  build_name: optional(string),
  service_account: optional(string),
  status: optional(word<BuildRunStatus>()),
  status_details: optional(
    object({
      reason: optional(word<BuildRunReason>()),
      /** `sha256:…`, what to deploy. */
      output_digest: optional(string),
      git_commit_sha: optional(string),
      git_branch_name: optional(string),
      git_commit_author: optional(string),
      source_timestamp: optional(string),
      start_time: optional(string),
      completion_time: optional(string),
    }),
  ),
});
export type BuildRun = ReturnType<typeof buildRun>;

/**
 * A run of a build, any of whose fields it may replace; or one without a build. IBM would also make up a name, but then
 * a call that is repeated after a lost answer would run twice.
 */
export type BuildRunPrototype =
  | ({ readonly name: string; readonly build_name: string; readonly service_account?: string } & Partial<Recipe>)
  | ({ readonly name: string; readonly build_name?: never; readonly service_account?: string } & Recipe);
