import type { ApprovalPolicy } from "../../../api/v1alpha1/index.ts";
import { type Subject, type Trigger, triggersOf } from "../../../approvals/triggers.ts";
import type { EffectiveSpec } from "../../../effective-spec/effective-spec.ts";
import { type ReviewedSpec, specDigest, UNRESOLVED } from "../../../effective-spec/reviewed-spec.ts";
import { type Scope, UNCHANGED } from "../scope.ts";
import type { ConfigMapsThen } from "./config-maps.ts";
import { type Judged, standingOf } from "./standing.ts";

/** What a deployment asks for, exactly. */
export interface Version {
  readonly spec: EffectiveSpec;
  readonly reviewed: ReviewedSpec;
  readonly digest: string;
  readonly configMaps: ConfigMapsThen;
}

/** What goes on after the gate. */
export interface Revision {
  readonly version: Version;
  /** Undefined: the backend is asked what the reference stands for, or the image is built. */
  readonly image: string | undefined;
  /** Keeps the image that was found so, before anything runs of it. */
  keepImage?(image: string, signal: AbortSignal): Promise<void>;
}

/** A version that was let through and made, as long as the controller runs. */
export interface MadeVersion {
  readonly generation: number;
  readonly version: Version;
  readonly image: string;
  /** As `status.workload.digest` has it. */
  readonly digest: string | undefined;
}

/** All that a version is judged by. */
export interface Circumstances {
  readonly policies: readonly ApprovalPolicy[];
  readonly judged: readonly Judged[];
  readonly namespace: Subject["namespace"];
  readonly profile: Subject["profile"];
}

/** The image of a version that nobody could resolve before it ran: the one that did, or where it is to be kept. */
export type LaterImage = { readonly image: string } | { keep(image: string, signal: AbortSignal): Promise<void> };

/** Lets it go on, and nothing else. `any`: no rule looks at its image, so that it need not be known yet. */
export function letThrough(scope: Scope, version: Version, how: "exact" | "any", later?: LaterImage): void {
  const { image } = version.reviewed;
  scope.digest = how === "exact" ? version.digest : undefined;
  if (image !== UNRESOLVED) scope.revision = { version, image };
  else if (later && "keep" in later)
    scope.revision = { version, image: undefined, keepImage: (found, signal) => later.keep(found, signal) };
  else scope.revision = { version, image: later?.image };
}

export function triggersAbout(
  { spec, reviewed }: Pick<Version, "spec" | "reviewed">,
  { policies, namespace, profile }: Circumstances,
): readonly Trigger[] {
  return policies.length === 0 ? [] : triggersOf(policies, { spec, reviewed, namespace, profile });
}

/** Whether everybody who has to approve a version today has done so, or nobody has to. */
export function mayRun(version: Pick<Version, "spec" | "reviewed" | "digest">, circumstances: Circumstances): boolean {
  const triggers = triggersAbout(version, circumstances);
  const { judged } = circumstances;
  const { kind } = standingOf({ digest: version.digest, triggers, judged, request: undefined });
  return kind === "free" || kind === "approved";
}

/** Whether nothing new may be made, since somebody has to say yes first. */
export function isHeld({ approval, spec, revision }: Scope): boolean {
  return approval?.condition.status === "False" && (spec === undefined || revision === undefined);
}

/** What is kept of versions for the time when something newer awaits approval: the one that is made now, beside what runs until it does. */
export function madeBy(scope: Scope, image: string): readonly MadeVersion[] {
  const made = madeOf(scope, image);
  if (!made) return [];
  const running = isWhatRuns(made, scope) ? undefined : scope.memory.made.find((each) => isWhatRuns(each, scope));
  return running ? [made, running] : [made];
}

/** Whether the status says that it is the one that runs. */
export function isWhatRuns({ generation, digest }: MadeVersion, { deployment }: Scope): boolean {
  const { workload } = deployment.status ?? {};
  return workload?.generation === generation && workload.digest === digest;
}

function madeOf({ revision, generation, digest, gated }: Scope, image: string): MadeVersion | undefined {
  if (!gated || !revision || digest === UNCHANGED) return undefined;
  const { version } = revision;
  const { source } = version.spec;
  // No rule looked at its image when it was let through; one that comes later may.
  if (digest !== undefined || source.kind !== "image" || source.pullPolicy === "Never")
    return { generation, version, image, digest };
  const reviewed = { ...version.reviewed, image };
  return { generation, version: { ...version, reviewed, digest: specDigest(reviewed) }, image, digest };
}
