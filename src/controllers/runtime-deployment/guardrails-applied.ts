import type { Condition } from "../../api/meta.ts";
import { formatCpu, formatMemory } from "../../api/quantity.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";
import type { BackendDefaults, EffectiveSpec } from "../../effective-spec/effective-spec.ts";
import type { Bound } from "../../guardrails/bounds.ts";
import type { GuardrailCapabilities } from "../../guardrails/capabilities.ts";
import { enforcementOf } from "../../guardrails/enforcement.ts";
import type { Guardrails } from "../../guardrails/guardrails.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { EventNote } from "../../machinery/event-recorder.ts";
import type { Facts, Note } from "./facts.ts";

type GuardrailStatus = NonNullable<RuntimeDeploymentStatus["guardrails"]>;

/** Pure. What `status.guardrails` says of what runs, or is about to, under these guardrails on this backend. */
export function guardrailStatus(
  { guardrails, limits, bounds }: GuardrailFacts,
  backend: { readonly name: string; readonly type: string; readonly capabilities: GuardrailCapabilities },
): GuardrailStatus {
  const { fields, warnings } = enforcementOf(guardrails, backend.capabilities, backend);
  return {
    profile: guardrails.profile,
    ...boundStatus(bounds),
    ...(limits && { limits }),
    fields: fields.map(({ field, enforcement, reason }) => ({ field, enforcement, reason: bounded(reason) })),
    ...(warnings.length > 0 && { warnings: warnings.map((each) => ({ ...each, message: bounded(each.message) })) }),
  };
}

export interface GuardrailFacts {
  readonly guardrails: Guardrails;
  /** Undefined where they are not known any more. */
  readonly limits: GuardrailStatus["limits"];
  readonly bounds: readonly Bound[];
}

/** Pure. Limits as a status has them: those that take effect. */
export function limitStatus(
  { cpuMillis, memoryBytes, pids }: EffectiveSpec["limits"],
  { limitsPids = true }: Pick<BackendDefaults, "limitsPids">,
): GuardrailStatus["limits"] {
  return { cpu: formatCpu(cpuMillis), memory: formatMemory(memoryBytes), ...(limitsPids && { pids }) };
}

/** Pure. The widest profiles that a deployment may have, and whose word that is. */
export function boundStatus(bounds: readonly Bound[]): Pick<GuardrailStatus, "bounds"> {
  return bounds.length > 0 ? { bounds: bounds.map(({ origin, profile }) => `${origin}: ${profile}`) } : {};
}

/** The schema's bound of a reason or message. */
const MAX_TEXT = 1_024;

function bounded(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}

/** Refusals and failures that are about guardrails. */
const REASONS: ReadonlySet<string> = new Set([
  Reason.GuardrailsTooWide,
  Reason.LimitExceeded,
  Reason.GuardrailNotEnforced,
  Reason.GuardrailProfileNotFound,
  Reason.IngressClosed,
  Reason.VolumeNotAllowed,
  Reason.RunsAsRoot,
  Reason.SandboxUnavailable,
]);

/**
 * Pure. Whether what runs is confined, and how far. Undefined where there is nothing to confine and nothing against it;
 * Unknown while the backend cannot be asked.
 */
export function guardrailsApplied(
  { failure, observed, current, limitNotes }: Facts,
  status: RuntimeDeploymentStatus["guardrails"],
): (Note & Pick<Condition, "status">) | undefined {
  if (failure && REASONS.has(failure.reason)) return { status: "False", ...failure };
  if (!observed) return failure && { status: "Unknown", ...failure };
  if (!current || !status?.fields) return undefined;
  const lacking = lackingOf(status);
  const limits = limitNotes.length === 0 ? "" : `. Limits: ${limitNotes.join("; ")}`;
  const reason = lacking === undefined ? Reason.GuardrailsEnforced : Reason.GuardrailsPartlyEnforced;
  return {
    status: "True",
    reason,
    message: `profile ${status.profile}: ${lacking ?? "every field is enforced"}${limits}`,
  };
}

/** Pure. The event of how far the guardrails are enforced, where that is news; the reasons stand in the status. */
export function guardrailNews(
  before: RuntimeDeploymentStatus | undefined,
  after: RuntimeDeploymentStatus,
): EventNote | undefined {
  const { guardrails, conditions } = after;
  if (!guardrails || getCondition(conditions, ConditionType.GuardrailsApplied)?.status !== "True") return undefined;
  const lacking = lackingOf(guardrails);
  const told = getCondition(before?.conditions, ConditionType.GuardrailsApplied) && before?.guardrails;
  if (told && told.profile === guardrails.profile && lackingOf(told) === lacking) return undefined;
  const open = fieldsOf(guardrails, "NotEnforced");
  return {
    type: open.length > 0 ? "Warning" : "Normal",
    reason: lacking === undefined ? Reason.GuardrailsEnforced : Reason.GuardrailsPartlyEnforced,
    action: "Confine",
    note: `profile ${guardrails.profile}: ${lacking === undefined ? "every field is enforced" : `${lacking}; see status.guardrails`}`,
  };
}

/** Names the fields that are not enforced, or in part only; undefined where there are none. */
function lackingOf(status: GuardrailStatus): string | undefined {
  const open = fieldsOf(status, "NotEnforced");
  const partial = fieldsOf(status, "Partial");
  const parts = [
    open.length > 0 ? `not enforced: ${open.join(", ")}` : [],
    partial.length > 0 ? `in part: ${partial.join(", ")}` : [],
  ].flat();
  return parts.length > 0 ? parts.join("; ") : undefined;
}

function fieldsOf({ fields = [] }: GuardrailStatus, wanted: "NotEnforced" | "Partial"): string[] {
  return fields.filter(({ enforcement }) => enforcement === wanted).map(({ field }) => field);
}
