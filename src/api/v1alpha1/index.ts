import type { ResourceType } from "../meta.ts";
import type { Approval } from "./generated/approval.ts";
import type { ApprovalPolicy } from "./generated/approval-policy.ts";
import type { GuardrailProfile } from "./generated/guardrail-profile.ts";
import type { McpGateway } from "./generated/mcp-gateway.ts";
import type { RuntimeBackend } from "./generated/runtime-backend.ts";
import type { RuntimeDeployment } from "./generated/runtime-deployment.ts";
import { GROUP, VERSION } from "./schema-parts.ts";

export type { Approval, ApprovalSpec, ApprovalStatus } from "./generated/approval.ts";
export type { ApprovalPolicy, ApprovalPolicySpec, ApprovalPolicyStatus } from "./generated/approval-policy.ts";
export type { GuardrailProfile, GuardrailProfileSpec, GuardrailProfileStatus } from "./generated/guardrail-profile.ts";
export type { McpGateway, McpGatewaySpec, McpGatewayStatus } from "./generated/mcp-gateway.ts";
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

export const approvals: ResourceType<Approval> = {
  group: GROUP,
  version: VERSION,
  plural: "approvals",
  kind: "Approval",
  namespaced: true,
};

export const approvalPolicies: ResourceType<ApprovalPolicy> = {
  group: GROUP,
  version: VERSION,
  plural: "approvalpolicies",
  kind: "ApprovalPolicy",
  namespaced: false,
};

export const mcpGateways: ResourceType<McpGateway> = {
  group: GROUP,
  version: VERSION,
  plural: "mcpgateways",
  kind: "McpGateway",
  namespaced: false,
};

/** The label of a Namespace that names the widest GuardrailProfile its deployments may have. */
export const GUARDRAILS_BOUND_LABEL = "slipway.dev/guardrails-bound";

/** The annotation of a RuntimeDeployment with a git source whose every new value asks for another build. */
export const REBUILD_ANNOTATION = "slipway.dev/rebuild";

/** The annotation of a RuntimeDeployment whose every new value asks for another approval of what expired. */
export const REQUEST_ANNOTATION = "slipway.dev/request";

/** The annotation of a RuntimeDeployment with JSON of what a scanner found, for those who approve. */
export const SCAN_ANNOTATION = "slipway.dev/scan";

/** The annotation that admission keeps of all who wrote what an approval is about. */
export const REQUESTERS_ANNOTATION = "slipway.dev/requesters";

/** Removed only when nothing is left outside. */
export const TEARDOWN_FINALIZER = "slipway.dev/teardown";

/** Removed only when no external gateway has anything any more, of a deployment or, of an McpGateway, of any. */
export const REGISTRATION_FINALIZER = "slipway.dev/registration";
