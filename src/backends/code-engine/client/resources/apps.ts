import { listOrEmpty, number, object, optional, string, word } from "../shape.ts";
import {
  containerFields,
  type EnvVariablePrototype,
  envVariable,
  type ProbePrototype,
  type ServiceAccount,
  type VolumeMountPrototype,
} from "./container.ts";
import { identityFields, type MergePatch } from "./identity.ts";

export type AppStatus = "ready" | "deploying" | "warning" | "failed";

export type AppReason =
  | "ready"
  | "deploying"
  | "waiting_for_resources"
  | "no_revision_ready"
  | "ready_but_latest_revision_failed";

/** Who reaches the endpoint: everybody, IBM's private network, the project. Each includes those after it. */
export type DomainMappings = "local_public" | "local_private" | "local";

export const app = object({
  ...identityFields,
  ...containerFields,
  /** What a change must show; every change of the specification gives another. */
  entity_tag: string,
  managed_domain_mappings: optional(word<DomainMappings>()),
  /** Empty for `local`. */
  endpoint: optional(string),
  /** `http://{app}.{subdomain}.svc.cluster.local`. */
  endpoint_internal: optional(string),
  build: optional(string),
  build_run: optional(string),
  computed_env_variables: listOrEmpty(envVariable),
  /** Stays `ready` at zero instances. */
  status: optional(word<AppStatus>()),
  status_details: optional(
    object({
      reason: optional(word<AppReason>()),
      latest_created_revision: optional(string),
      latest_ready_revision: optional(string),
    }),
  ),
});
export type App = ReturnType<typeof app>;

/** The project's namespace in Kubernetes, which no field of the project tells. */
export function subdomainOf({ name, endpoint_internal, computed_env_variables }: App): string | undefined {
  const { hostname = "" } = URL.canParse(endpoint_internal ?? "") ? new URL(endpoint_internal ?? "") : {};
  const [first, subdomain, ...rest] = hostname.split(".");
  if (first === name && rest.join(".") === "svc.cluster.local") return subdomain;
  return computed_env_variables.find((variable) => variable.name === "CE_SUBDOMAIN")?.value;
}

export interface AppPrototype {
  /** See `appNameTrouble`; it cannot change. */
  readonly name: string;
  /** See `imageReferenceTrouble`. A tag is resolved once for each revision, so name a digest. */
  readonly image_reference: string;
  readonly image_port?: number;
  readonly image_secret?: string;
  readonly managed_domain_mappings?: DomainMappings;
  readonly run_commands?: readonly string[];
  readonly run_arguments?: readonly string[];
  /** Unset, it may or may not be the image's own user. */
  readonly run_as_user?: number;
  readonly run_env_variables?: readonly EnvVariablePrototype[];
  readonly run_service_account?: ServiceAccount;
  readonly run_compute_resource_token_enabled?: boolean;
  readonly run_volume_mounts?: readonly VolumeMountPrototype[];
  /** With the memory one of the pairs of `CPU_MEMORY_PAIRS`. */
  readonly scale_cpu_limit?: string;
  readonly scale_memory_limit?: string;
  readonly scale_ephemeral_storage_limit?: string;
  readonly scale_min_instances?: number;
  /** 0 means without limit. */
  readonly scale_max_instances?: number;
  readonly scale_initial_instances?: number;
  readonly scale_concurrency?: number;
  readonly scale_concurrency_target?: number;
  /** Seconds, at most 600. */
  readonly scale_request_timeout?: number;
  /** Seconds, at most 3600. */
  readonly scale_down_delay?: number;
  readonly probe_liveness?: ProbePrototype;
  readonly probe_readiness?: ProbePrototype;
}

type Probes = "probe_liveness" | "probe_readiness";

export type AppPatch = MergePatch<Omit<AppPrototype, "name" | "image_reference" | Probes>> & {
  readonly image_reference?: string;
  /** What a probe does not name it keeps. */
} & { readonly [K in Probes]?: MergePatch<ProbePrototype> | null };

export type RevisionStatus = "ready" | "loading" | "warning" | "failed";

export type RevisionReason =
  | "ready"
  | "waiting"
  | "deploying"
  | "deploying_waiting_for_resources"
  | "initial_scale_never_achieved"
  | "fetch_image_failed_unknown_manifest"
  | "fetch_image_failed_unknown_repository"
  | "fetch_image_failed_registry_not_found"
  | "fetch_image_failed_missing_pull_secret"
  | "fetch_image_failed_wrong_pull_credentials"
  | "fetch_image_failed_missing_pull_credentials"
  | "container_failed_exit_code_0"
  | "container_failed_exit_code_1"
  | "container_failed_exit_code_24"
  | "container_failed_exit_code_139"
  | "image_pull_back_off"
  | "invalid_tar_header_image_pull_err";

/** Why an application does not come up is told here and not by the application. */
export const revision = object({
  ...identityFields,
  ...containerFields,
  app_name: optional(string),
  status: optional(word<RevisionStatus>()),
  status_details: optional(object({ reason: optional(word<RevisionReason>()), actual_instances: optional(number) })),
});
export type Revision = ReturnType<typeof revision>;

export type InstanceStatus = "pending" | "running" | "succeeded" | "failed";

const containerState = object({
  container_status: optional(word<"running" | "pending" | "terminated">()),
  reason: optional(string),
  exit_code: optional(number),
  started_at: optional(string),
  completed_at: optional(string),
});

const containerStates = object({
  current_state: optional(containerState),
  last_observed_state: optional(containerState),
});
export type ContainerStates = ReturnType<typeof containerStates>;

export const instance = object({
  ...identityFields,
  app_name: optional(string),
  revision_name: optional(string),
  scale_cpu_limit: optional(string),
  scale_memory_limit: optional(string),
  scale_ephemeral_storage_limit: optional(string),
  status: optional(word<InstanceStatus>()),
  status_details: optional(
    object({
      /** Begins anew when the platform moves the instance. */
      restarts: optional(number),
      user_container: optional(containerStates),
      system_container: optional(containerStates),
    }),
  ),
});
export type Instance = ReturnType<typeof instance>;
