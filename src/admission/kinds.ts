import { namespaces } from "../api/core.ts";
import type { ResourceType } from "../api/meta.ts";
import {
  approvalPolicies,
  approvals,
  guardrailProfiles,
  runtimeBackends,
  runtimeDeployments,
} from "../api/v1alpha1/index.ts";
import type { Write } from "./write.ts";

type Resource = Pick<Write, "group" | "resource">;

/** Whatever the version: a cluster converts before it asks. */
const isOf =
  ({ group, plural }: ResourceType) =>
  (write: Resource): boolean =>
    write.resource === plural && write.group === group;

export const ofGuardrailProfile = isOf(guardrailProfiles);
export const ofRuntimeDeployment = isOf(runtimeDeployments);
export const ofRuntimeBackend = isOf(runtimeBackends);
export const ofApproval = isOf(approvals);
export const ofApprovalPolicy = isOf(approvalPolicies);
export const ofNamespace = isOf(namespaces);
