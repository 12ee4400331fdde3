import type { ApprovalPolicy, GuardrailProfile } from "../api/v1alpha1/index.ts";
import type { EffectiveSpec } from "../effective-spec/effective-spec.ts";
import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { clipped } from "../guardrails/listing.ts";
import { celMatch, effectiveForCel } from "./cel.ts";
import { concerns, type LabelledNamespace } from "./concerned-namespaces.ts";
import { outsideRegistries } from "./registries.ts";
import { cpuAbove, memoryAbove } from "./thresholds.ts";
import { weakerThan } from "./weaker.ts";

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
  readonly namespace: LabelledNamespace;
  /** Undefined: there is none of that name. */
  profile(name: string): Pick<GuardrailProfile, "metadata" | "spec"> | undefined;
}

export type Rule = ApprovalPolicy["spec"]["rules"][number];

/** As the schema of Approval bounds it. */
const LONGEST_MESSAGE = 4096;

/** Pure. Every rule that matches, by policy and rule. A rule that cannot be evaluated matches, and its message says why. */
export function triggersOf(policies: readonly ApprovalPolicy[], subject: Subject): readonly Trigger[] {
  const effective = effectiveForCel(subject.reviewed);
  return policies
    .filter(({ spec }) => concerns(spec.namespaceSelector ?? {}, subject.namespace))
    .flatMap((policy) =>
      policy.spec.rules.flatMap((rule) => {
        const said = matches(rule, { subject, effective });
        return said.length === 0
          ? []
          : [{ policy, rule: rule.name, message: clipped(said.join("; "), LONGEST_MESSAGE).toWellFormed() }];
      }),
    );
}

/** `effective` is the reviewed spec as CEL sees it. */
interface Asked {
  readonly subject: Subject;
  readonly effective: unknown;
}

type Member = Exclude<keyof Rule, "name">;

/** What there is to say of each member that matches; undefined: it does not. */
const MEMBERS: {
  readonly [M in Member]: (wanted: NonNullable<Rule[M]>, asked: Asked) => string | undefined;
} = {
  sourceTypes: (types, { subject: { spec } }) =>
    types.includes(spec.source.kind) ? `source type ${spec.source.kind}` : undefined,
  registryNotIn: (allowed, { subject }) => outsideRegistries(allowed, subject.reviewed),
  profiles: (
    names,
    {
      subject: {
        spec: { guardrails },
      },
    },
  ) => (names.includes(guardrails.profile) ? `GuardrailProfile ${guardrails.profile}` : undefined),
  weakerThan: (name, { subject }) => weakerThan(name, subject.spec.guardrails, subject.profile(name)),
  backends: (
    names,
    {
      subject: {
        spec: { backend },
      },
    },
  ) => (names.includes(backend) ? `RuntimeBackend ${backend}` : undefined),
  cpuAbove: (most, { subject }) => cpuAbove(most, subject.reviewed),
  memoryAbove: (most, { subject }) => memoryAbove(most, subject.reviewed),
  cel: (expression, { effective }) => celMatch(expression, effective),
};

/** Empty: the rule does not match. One without a member that is known here is a newer release's. */
function matches(rule: Rule, asked: Asked): readonly string[] {
  const names = Object.keys(rule).filter((name) => name !== "name");
  if (names.length === 0) return ["the rule cannot be evaluated: it names nothing that this release knows"];
  return names.flatMap((name) => {
    if (!isMember(name)) return [`the rule cannot be evaluated: this release does not know ${name}`];
    const said = matchOf(name, rule, asked);
    return said === undefined ? [] : [said];
  });
}

function matchOf<M extends Member>(name: M, rule: Rule, asked: Asked): string | undefined {
  const wanted = rule[name];
  return wanted === undefined ? undefined : MEMBERS[name](wanted, asked);
}

function isMember(name: string): name is Member {
  return Object.hasOwn(MEMBERS, name);
}
