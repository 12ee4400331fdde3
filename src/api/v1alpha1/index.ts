import type { ResourceType } from "../meta.ts";
import type { GuardrailProfile } from "./generated/guardrail-profile.ts";
import type { RuntimeBackend } from "./generated/runtime-backend.ts";
import type { RuntimeDeployment } from "./generated/runtime-deployment.ts";
import { GROUP, VERSION } from "./schema-parts.ts";

export type { GuardrailProfile, GuardrailProfileSpec, GuardrailProfileStatus } from "./generated/guardrail-profile.ts";
export type { RuntimeBackend, RuntimeBackendSpec, RuntimeBackendStatus } from "./generated/runtime-backend.ts";
export type {
  RuntimeDeployment,
  RuntimeDeploymentSpec,
  RuntimeDeploymentStatus,
} from "./generated/runtime-deployment.ts";
export { GROUP, VERSION } from "./schema-parts.ts";

export const API_VERSION = `${GROUP}/${VERSION}` as const;

export const runtimeDeployments: ResourceType<RuntimeDeployment> = {
  group: GROUP,
  version: VERSION,
  plural: "runtimedeployments",
  kind: "RuntimeDeployment",
  namespaced: true,
};

export const runtimeBackends: ResourceType<RuntimeBackend> = {
  group: GROUP,
  version: VERSION,
  plural: "runtimebackends",
  kind: "RuntimeBackend",
  namespaced: false,
};

export const guardrailProfiles: ResourceType<GuardrailProfile> = {
  group: GROUP,
  version: VERSION,
  plural: "guardrailprofiles",
  kind: "GuardrailProfile",
  namespaced: false,
};

/** The label of a Namespace that names the widest GuardrailProfile its deployments may have. */
export const GUARDRAILS_BOUND_LABEL = "slipway.dev/guardrails-bound";

/** The annotation of a RuntimeDeployment with a git source whose every new value asks for another build. */
export const REBUILD_ANNOTATION = "slipway.dev/rebuild";

/** Removed only when nothing is left outside. */
export const TEARDOWN_FINALIZER = "slipway.dev/teardown";
