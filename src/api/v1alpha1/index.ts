import type { ResourceType } from "../meta.ts";
import type { RuntimeBackend } from "./generated/runtime-backend.ts";
import type { RuntimeDeployment } from "./generated/runtime-deployment.ts";
import { GROUP, VERSION } from "./schema-parts.ts";

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

/** Removed only when nothing is left outside. */
export const TEARDOWN_FINALIZER = "slipway.dev/teardown";
