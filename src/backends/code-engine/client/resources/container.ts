import { boolean, listOrEmpty, number, object, optional, string, word } from "../shape.ts";

export type EnvType =
  | "literal"
  | "secret_key_reference"
  | "config_map_key_reference"
  | "secret_full_reference"
  | "config_map_full_reference";

export const envVariable = object({
  type: optional(word<EnvType>()),
  name: optional(string),
  value: optional(string),
  key: optional(string),
  reference: optional(string),
  prefix: optional(string),
});
export type EnvVariable = ReturnType<typeof envVariable>;

/** Names and keys are `[-._a-zA-Z0-9]+`, at most 253 characters; values at most 1 MiB; at most 100 in all. */
export type EnvVariablePrototype =
  | { readonly type: "literal"; readonly name: string; readonly value: string }
  | {
      readonly type: "secret_key_reference" | "config_map_key_reference";
      readonly name: string;
      readonly reference: string;
      readonly key: string;
    }
  | {
      readonly type: "secret_full_reference" | "config_map_full_reference";
      readonly reference: string;
      /** `^[a-zA-Z_]\w*$`, in front of each key. */
      readonly prefix?: string;
    };

export type VolumeMountType = "config_map" | "secret" | "persistent_data_store";

export const volumeMount = object({
  type: optional(word<VolumeMountType>()),
  reference: string,
  mount_path: string,
  sub_path: optional(string),
  read_only: optional(boolean),
});
export type VolumeMount = ReturnType<typeof volumeMount>;

export interface VolumeMountPrototype {
  readonly type: VolumeMountType;
  readonly reference: string;
  /** See `mountPathTrouble`. */
  readonly mount_path: string;
  readonly sub_path?: string;
  /** Only a data store can be written to. */
  readonly read_only?: boolean;
}

export const probe = object({
  /** The service leaves it out where it probes by default. */
  type: optional(word<"tcp" | "http">()),
  path: optional(string),
  port: optional(number),
  interval: optional(number),
  timeout: optional(number),
  initial_delay: optional(number),
  failure_threshold: optional(number),
});
export type Probe = ReturnType<typeof probe>;

export interface ProbePrototype {
  readonly type: "tcp" | "http";
  /** Of http alone. */
  readonly path?: string;
  /** 0 stands for `image_port`. */
  readonly port?: number;
  /** Seconds, 1–60. */
  readonly interval?: number;
  /** Seconds, 1–3600. */
  readonly timeout?: number;
  /** Seconds, 1–10. */
  readonly initial_delay?: number;
  /** 1–10. */
  readonly failure_threshold?: number;
}

export type ServiceAccount = "default" | "manager" | "reader" | "writer" | "none";

/** What an application and each of its revisions say of their container. */
export const containerFields = {
  image_reference: string,
  image_port: optional(number),
  image_secret: optional(string),
  run_commands: listOrEmpty(string),
  run_arguments: listOrEmpty(string),
  run_as_user: optional(number),
  run_env_variables: listOrEmpty(envVariable),
  run_service_account: optional(word<ServiceAccount>()),
  run_compute_resource_token_enabled: optional(boolean),
  run_volume_mounts: listOrEmpty(volumeMount),
  scale_cpu_limit: optional(string),
  scale_memory_limit: optional(string),
  scale_ephemeral_storage_limit: optional(string),
  scale_min_instances: optional(number),
  scale_max_instances: optional(number),
  scale_initial_instances: optional(number),
  scale_concurrency: optional(number),
  scale_concurrency_target: optional(number),
  scale_request_timeout: optional(number),
  scale_down_delay: optional(number),
  probe_liveness: optional(probe),
  probe_readiness: optional(probe),
} as const;
