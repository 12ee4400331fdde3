import { approvalSchema } from "./approval.schema.ts";
import { approvalPolicySchema } from "./approval-policy.schema.ts";
import { guardrailProfileSchema } from "./guardrail-profile.schema.ts";
import type { KindSchema } from "./kind-schema.ts";
import { mcpGatewaySchema } from "./mcp-gateway.schema.ts";
import { runtimeBackendSchema } from "./runtime-backend.schema.ts";
import { runtimeDeploymentSchema } from "./runtime-deployment.schema.ts";

/** Every kind of `slipway.dev/v1alpha1`. `crds/` and the generated types have one file for each. */
export const kindSchemas: readonly KindSchema[] = [
  approvalSchema,
  approvalPolicySchema,
  guardrailProfileSchema,
  mcpGatewaySchema,
  runtimeBackendSchema,
  runtimeDeploymentSchema,
];
