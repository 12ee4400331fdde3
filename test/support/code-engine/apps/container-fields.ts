import { flag, integer, list, oneOf, optional, required, text, withDefault } from "../fields/field.ts";
import { imageReference } from "../fields/image-reference.ts";
import { dottedName } from "../fields/names.ts";
import { quantity } from "../fields/quantities.ts";
import { envVariable } from "./env-variables.ts";
import { volumeMount } from "./volume-mounts.ts";

const command = withDefault(list(text({ max: 1024 * 1024 })), []);

/** What applications and jobs say about their container. */
export const containerFields = {
  image_reference: required(imageReference),
  image_secret: optional(dottedName),
  run_commands: command,
  run_arguments: command,
  /** Undefined: what the image says. The documentation leaves that open, so clients send it always. */
  run_as_user: optional(integer(0, 4_294_967_295)),
  run_env_variables: withDefault(list(envVariable), []),
  run_service_account: withDefault(oneOf("default", "manager", "reader", "writer", "none"), "default"),
  run_compute_resource_token_enabled: withDefault(flag, false),
  run_volume_mounts: withDefault(list(volumeMount), []),
  scale_cpu_limit: withDefault(quantity, "1"),
  scale_memory_limit: withDefault(quantity, "4G"),
  scale_ephemeral_storage_limit: withDefault(quantity, "400M"),
} as const;
