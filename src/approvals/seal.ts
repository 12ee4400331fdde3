import { approvalSchema } from "../api/v1alpha1/approval.schema.ts";
import type { Approval } from "../api/v1alpha1/index.ts";
import type { StampKeys } from "./stamp-keys.ts";
import { isStampOf, stampOf } from "./stamps.ts";
import { withoutDefaults } from "./stored-form.ts";

/** An Approval that is made, with its place, or one that is stored. */
export interface Sealable {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Omit<Approval["spec"], "decisions" | "seal"> & {
    readonly decisions?: unknown;
    readonly seal?: string;
  };
}

/** What `spec.seal` has to be: proves that the controller wrote all of the spec but its decisions, under this name. */
export function sealOf(approval: Sealable, keys: StampKeys): string {
  return stampOf("approval", statementOf(approval), keys);
}

/** Whether the controller wrote it as it stands, decisions aside. */
export function isSealed(approval: Sealable, keys: StampKeys): boolean {
  return isStampOf(approval.spec.seal, "approval", statementOf(approval), keys);
}

function statementOf({ metadata: { name, namespace = "" }, spec }: Sealable): unknown {
  const { decisions: _, seal: __, ...said } = spec;
  return { namespace, name, spec: withoutDefaults(said, approvalSchema.spec) };
}
