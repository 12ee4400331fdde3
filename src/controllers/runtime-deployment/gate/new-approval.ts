import { createHash } from "node:crypto";
import type { KubeObject, NewObject } from "../../../api/meta.ts";
import {
  API_VERSION,
  type Approval,
  REQUEST_ANNOTATION,
  type RuntimeDeployment,
  SCAN_ANNOTATION,
} from "../../../api/v1alpha1/index.ts";
import { changesBetween } from "../../../approvals/changes.ts";
import { UNKNOWN_REQUESTER } from "../../../approvals/people.ts";
import { ownDigest, type Person, type RequesterEntry, requestersSince } from "../../../approvals/requesters.ts";
import { sealOf } from "../../../approvals/seal.ts";
import type { StampKeys } from "../../../approvals/stamp-keys.ts";
import type { Trigger } from "../../../approvals/triggers.ts";
import { haveUnknownWriters } from "../../../approvals/unknown-writers.ts";
import { canonicalJson } from "../../../effective-spec/canonical-json.ts";
import type { ReviewedSpec } from "../../../effective-spec/reviewed-spec.ts";
import type { FieldEnforcement } from "../../../guardrails/enforcement.ts";
import { reviewedIn } from "./image.ts";
import { MAX_REQUEST } from "./ports.ts";
import { scanOf } from "./scan.ts";
import type { AskingPolicy } from "./standing.ts";

/** An object that a version was made from, with those who wrote it, the newest last. */
export interface Input {
  readonly object: KubeObject;
  readonly entries: readonly RequesterEntry[];
}

export interface Question {
  readonly deployment: RuntimeDeployment;
  readonly digest: string;
  readonly reviewed: ReviewedSpec;
  readonly policies: readonly AskingPolicy[];
  readonly triggers: readonly Trigger[];
  readonly inputs: readonly Input[];
  readonly enforcement: readonly FieldEnforcement[] | undefined;
  /** The version that was approved last, by whomever: what differs from it is shown. */
  readonly approved: Approval | undefined;
  /** The one to which all policies that ask said yes last: who wrote anything since is a requester. */
  readonly known: Approval | undefined;
  /** All earlier ones of the deployment, of any phase. */
  readonly earlier: readonly Approval[];
  /** Names that are taken by earlier questions about the same. */
  readonly taken: ReadonlySet<string>;
  readonly now: Date;
  readonly keys: StampKeys;
}

/** An Approval before the API server has it. */
export type NewApproval = NewObject<Approval> & {
  readonly metadata: { readonly name: string; readonly namespace: string };
};

/** Bounds of the schema. */
const MAX = { policies: 64, triggers: 256, requesters: 256, groups: 256, reason: 1_024 } as const;

/** Pure. The Approval that asks about one version: sealed, and owned by its deployment. Two that ask the same have one name. */
export function newApproval(question: Question): NewApproval {
  const { deployment, digest, reviewed, keys, now, approved } = question;
  const { name, namespace = "", uid, generation = 0, annotations = {} } = deployment.metadata;
  const policies = question.policies.slice(0, MAX.policies);
  const asked = new Set(policies.map((policy) => policy.uid));
  const matched = question.triggers.filter(({ policy }) => asked.has(policy.metadata.uid));
  const triggers = matched.map(({ policy, rule, message }) => ({ policy: policy.metadata.name, rule, message }));
  const again = policies.filter(({ name: each }) => !triggers.some(({ policy }) => policy === each));
  const request = annotations[REQUEST_ANNOTATION]?.slice(0, MAX_REQUEST);
  const scan = scanOf(annotations[SCAN_ANNOTATION]);
  const metadata = {
    name: nameOf(question),
    namespace,
    ownerReferences: [
      { apiVersion: API_VERSION, kind: "RuntimeDeployment", name, uid, controller: true, blockOwnerDeletion: true },
    ],
  };
  const spec = {
    deploymentRef: { name, uid },
    generation,
    digest,
    effective: reviewed,
    requesters: requestersOf(question),
    inputs: question.inputs.map(({ object }) => ({
      ...{ kind: object.kind, name: object.metadata.name, uid: object.metadata.uid, digest: ownDigest(object) },
    })),
    ...(request !== undefined && { request }),
    requestedAt: now.toISOString(),
    policies,
    triggers: [
      ...triggers,
      ...again.map((policy) => ({ policy: policy.name, rule: "", message: "asked before, and was not decided" })),
    ].slice(0, MAX.triggers),
    review: {
      ...(question.enforcement && {
        enforcement: question.enforcement.map((field) => ({ ...field, reason: field.reason.slice(0, MAX.reason) })),
      }),
      changes: [...changesBetween(approved?.spec.effective as ReviewedSpec | undefined, reviewed)],
      ...(scan && { scan }),
    },
    decisions: [],
  };
  const seal = sealOf({ metadata, spec }, keys);
  return { apiVersion: API_VERSION, kind: "Approval", metadata, spec: { ...spec, seal } };
}

/** By UID, digest and how many there were before, so that a controller that is killed asks nothing twice. */
function nameOf({ deployment: { metadata }, digest, taken }: Question): string {
  for (let round = taken.size; ; round++) {
    const hash = createHash("sha256").update(canonicalJson([metadata.uid, digest, round]));
    const name = `${metadata.name}-${hash.digest("hex").slice(0, 16)}`;
    if (!taken.has(name)) return name;
  }
}

/** All whose writes make up the difference to what those who are asked approved last, each once; somebody unknown among them. */
function requestersOf({ inputs, known, earlier, reviewed }: Question): Approval["spec"]["requesters"] {
  const people = new Map<string, Person>();
  const asked = earlier.filter(
    ({ spec }) => !known || Date.parse(spec.requestedAt) >= Date.parse(known.spec.requestedAt),
  );
  if (haveUnknownWriters(known && reviewedIn(known), reviewed, asked.map(reviewedIn)))
    people.set(UNKNOWN_REQUESTER, { username: UNKNOWN_REQUESTER, groups: [] });
  for (const { object, entries } of inputs) {
    const then = known?.spec.inputs?.find(({ kind, uid }) => kind === object.kind && uid === object.metadata.uid);
    for (const { user, groups } of requestersSince(entries, then?.digest))
      people.set(user, { username: user, groups: groups.slice(0, MAX.groups) });
  }
  return [...people.values()]
    .slice(0, MAX.requesters)
    .map(({ username, groups }) => ({ username, groups: [...groups] }));
}
