import type { ApprovalPolicy, GuardrailProfile } from "../api/v1alpha1/index.ts";
import type { EffectiveSpec } from "../effective-spec/effective-spec.ts";
import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";

/** A rule that matched. */
export interface Trigger {
  readonly policy: ApprovalPolicy;
  /** Its name. */
  readonly rule: string;
  /** What matched, for people: at most 4096 characters. */
  readonly message: string;
}

/** What the rules look at. */
export interface Subject {
  readonly spec: EffectiveSpec;
  readonly reviewed: ReviewedSpec;
  readonly namespace: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  /** Undefined: there is none of that name. */
  profile(name: string): Pick<GuardrailProfile, "metadata" | "spec"> | undefined;
}

type Rule = ApprovalPolicy["spec"]["rules"][number];

/** Pure. Every rule that matches, by policy and rule. A rule that cannot be evaluated matches, and its message says why. */
export function triggersOf(policies: readonly ApprovalPolicy[], subject: Subject): readonly Trigger[] {
  return policies.flatMap((policy) =>
    policy.spec.rules.flatMap((rule) => {
      const messages = matches(rule, subject);
      return messages.length > 0 ? [{ policy, rule: rule.name, message: messages.join("; ") }] : [];
    }),
  );
}

function matches(rule: Rule, { spec }: Subject): readonly string[] {
  const { source, backend, guardrails } = spec;
  return [
    rule.sourceTypes?.includes(source.kind) ? [`source type ${source.kind}`] : [],
    rule.backends?.includes(backend) ? [`RuntimeBackend ${backend}`] : [],
    rule.profiles?.includes(guardrails.profile) ? [`GuardrailProfile ${guardrails.profile}`] : [],
  ].flat();
}
