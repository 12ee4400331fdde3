import type { KubeObject } from "../api/meta.ts";
import type { Approval } from "../api/v1alpha1/index.ts";
import { policiesDecidedBy } from "../approvals/deciders.ts";
import { authenticDecisions, type Decision, stampDecision } from "../approvals/decisions.ts";
import type { StampKeys } from "../approvals/stamp-keys.ts";
import { stateOf } from "../approvals/state.ts";
import { listing } from "../guardrails/listing.ts";
import { isJsonObject, jsonEqual, member } from "../machinery/json-equal.ts";
import { isCollector, specOf } from "./approval-writes.ts";
import { ofApproval } from "./kinds.ts";
import { forbidden, type Known, type Refusal, type Rule, type Write } from "./write.ts";

/** How long a stamp may be on its way from one half of admission to the other. */
const WAY_MS = 5 * 60_000;

/**
 * An Approval changes in one way: by one decision more, of somebody who may, stamped with who that is. Whatever the client says
 * of itself is overwritten.
 */
export const approvalsAreDecided: Rule = {
  isAudited: true,
  concerns: (write) => ofApproval(write) && write.operation === "UPDATE" && write.subresource === "",
  amend(write, known) {
    const asked = ask(write, known);
    if (asked.refusal) return { refusal: asked.refusal };
    if (!asked.decision) return undefined;
    const { approval, decision, policies, keys } = asked;
    const stamped = stampDecision(approval, decision, { user: write.user.username, now: known.now(), policies, keys });
    const spec = { ...specOf(write.object), decisions: [...approval.spec.decisions, stamped] };
    return { object: { ...write.object, spec } as KubeObject };
  },
  refusal(write, known) {
    const asked = ask(write, known);
    if (asked.isMalformed) return forbidden("a decision has a verdict, Approved or Rejected, and a reason in words");
    if (asked.refusal || !asked.decision) return asked.refusal;
    const { keys } = asked;
    const decisions = authenticDecisions(write.object as Approval, keys);
    const newest = decisions[asked.approval.spec.decisions.length];
    const age = Math.abs(known.now().getTime() - Date.parse(newest?.at ?? ""));
    if (newest?.by === write.user.username && age <= WAY_MS) return undefined;
    return forbidden(
      "the decision has no stamp of admission: the mutating webhook was not asked, or another one changed what it wrote",
    );
  },
};

type Asked =
  /** Nothing of it changes, or nothing that anybody decides. */
  | { readonly refusal: undefined; readonly decision?: undefined; readonly isMalformed?: boolean }
  | { readonly refusal: Refusal; readonly decision?: undefined; readonly isMalformed?: undefined }
  | {
      readonly refusal: undefined;
      readonly approval: Approval;
      readonly decision: Decision;
      readonly policies: readonly string[];
      readonly keys: StampKeys;
      readonly isMalformed?: undefined;
    };

function ask(write: Write, known: Known): Asked {
  const approval = write.oldObject as Approval;
  const given = member(specOf(write.object), "decisions");
  const before = approval.spec.decisions;
  const changed = changedFields(approval, write.object as KubeObject);
  if (changed.length > 0 && !(isCollector(write) && changed.every((field) => COLLECTED.has(field))))
    return no(`only a decision may be added to it, at the end of spec.decisions (not ${listing(changed)})`);
  if (!Array.isArray(given) || !jsonEqual(given.slice(0, before.length), before))
    return no("decisions stay as they were made; add yours at the end of spec.decisions");
  if (given.length === before.length) return { refusal: undefined };
  const [decision, ...more] = given.slice(before.length) as unknown[];
  if (more.length > 0) return no("a person decides once; add one decision to spec.decisions");
  // The schema, which is asked between the halves, says what is wrong with it.
  if (!isDecision(decision)) return { refusal: undefined, isMalformed: true };
  return mayDecide(write, known, { approval, decision });
}

function isDecision(value: unknown): value is Decision {
  if (!isJsonObject(value)) return false;
  const { verdict, reason } = value;
  return (verdict === "Approved" || verdict === "Rejected") && (reason === undefined || typeof reason === "string");
}

interface Deciding {
  readonly approval: Approval;
  readonly decision: Decision;
}

function mayDecide({ user, namespace }: Write, known: Known, { approval, decision }: Deciding): Asked {
  const { spec } = approval;
  const keys = known.stampKeys();
  if (!keys) return no("the key that decisions are stamped with is missing");
  const { phase, problem, decidedAt, decidedBy } = stateOf(approval, keys, known.now());
  if (problem !== undefined) return no(problem);
  if (phase !== "Pending") {
    const when = decidedAt ? ` since ${decidedAt.toISOString()}` : "";
    const whose = decidedBy.length > 0 ? ` by ${decidedBy.join(", ")}` : "";
    return no(`it is ${phase}${when}${whose}, and a decision changes nothing any more`);
  }
  const { name, uid } = spec.deploymentRef;
  const deployment = known.deployment({ namespace, name });
  if (deployment?.metadata.uid !== uid || deployment.metadata.deletionTimestamp !== undefined)
    return no(`the RuntimeDeployment ${JSON.stringify(name)} that it is about was deleted`);
  if (spec.decisions.some(({ by }) => by === user.username)) return no("you have decided already");
  const { policies, refusal } = policiesDecidedBy(approval, user, {
    policy: (policyName) => known.approvalPolicy(policyName),
    now: known.now(),
  });
  if (refusal !== undefined) return no(refusal);
  return { refusal: undefined, approval, decision, policies, keys };
}

function no(because: string): Asked {
  return { refusal: forbidden(because) };
}

/** The decision that a write adds, as it will be stored. */
export function addedDecision({ object, oldObject }: Write): Decision | undefined {
  if (!object || !oldObject) return undefined;
  return (object as Approval).spec.decisions[(oldObject as Approval).spec.decisions.length];
}

/** What collectors may take off. */
const COLLECTED: ReadonlySet<string> = new Set(["metadata.ownerReferences", "metadata.finalizers"]);

/** Written by the server alone, and looked after by it. */
const SERVERS: ReadonlySet<string> = new Set([
  ...["creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields"],
  ...["resourceVersion", "selfLink", "uid"],
]);

/** Paths of what differs, decisions and status aside. In metadata an empty list is none; in the spec the seal tells them apart. */
function changedFields(before: Approval, after: KubeObject): string[] {
  const metadata = differing(filled(before.metadata), filled(after.metadata), SERVERS);
  const spec = differing({ ...before.spec }, specOf(after), new Set(["decisions"]));
  return [...metadata.map((field) => `metadata.${field}`), ...spec.map((field) => `spec.${field}`)];
}

type Members = Readonly<Record<string, unknown>>;

function differing(a: Members, b: Members, free: ReadonlySet<string>): string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !free.has(name)).sort();
  return names.filter((name) => !jsonEqual(member(a, name), member(b, name)));
}

function filled(metadata: object): Members {
  const isFilled = (value: unknown) => typeof value !== "object" || value === null || Object.keys(value).length > 0;
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => isFilled(value)));
}
