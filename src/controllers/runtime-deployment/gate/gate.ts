import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { type Approval, REQUEST_ANNOTATION } from "../../../api/v1alpha1/index.ts";
import { concerns } from "../../../approvals/concerned-namespaces.ts";
import type { StampKeys } from "../../../approvals/stamp-keys.ts";
import { stateOf } from "../../../approvals/state.ts";
import { reviewedSpec, specDigest } from "../../../effective-spec/reviewed-spec.ts";
import type { LiveBackend } from "../../backend-registry.ts";
import type { Scope } from "../scope.ts";
import { ask } from "./ask.ts";
import { namedConfigMaps } from "./config-maps.ts";
import { findImage } from "./image.ts";
import { keepWhatRuns } from "./keep.ts";
import { narrowingOf } from "./narrowed.ts";
import { type GatePorts, MAX_REQUEST } from "./ports.ts";
import { standingOf } from "./standing.ts";
import { holdFor, tell } from "./tell.ts";
import { type Circumstances, type LaterImage, letThrough, triggersAbout, type Version } from "./version.ts";

/**
 * Lets a version through that nobody has to approve, or that those who have to did; what goes on is then made of just that, with
 * its image and its ConfigMaps as they were judged. Else asks, and puts in the place of what is asked for the version that runs
 * and was let through before, or nothing where there is none: nothing new is made then. Calls no backend.
 */
export async function passGate(scope: Scope, ports: GatePorts): Promise<void> {
  const { gate, sources, clock } = ports;
  const { spec, live, owner, deployment } = scope;
  const approvals = gate.approvals.byIndex("deployment", owner.uid);
  const all = gate.policies.list();
  scope.gated = all.length > 0 || approvals.length > 0;
  if (!scope.gated) scope.digest = undefined;
  // What is refused is not made, and stopping waits for nobody.
  if (!spec || !live || spec.desiredState === "Stopped") return;
  if (deployment.status?.workload?.generation !== scope.generation && !gate.knowsPolicies(deployment)) {
    scope.early = true;
    scope.spec = undefined;
    return;
  }
  if (!scope.gated) return;

  const labels = sources.namespaces.get({ namespace: "", name: owner.namespace })?.metadata.labels ?? {};
  const namespace = { name: owner.namespace, labels };
  const keys = gate.stampKeys();
  const now = clock.now();
  const judged = approvals
    .map((approval) => ({ approval, state: stateOf(approval, keys, now) }))
    .filter(({ state }) => state.isSealed);
  const circumstances: Circumstances = {
    policies: all.filter(({ spec: { namespaceSelector } }) => concerns(namespaceSelector ?? {}, namespace)),
    judged,
    namespace,
    profile: (name) => sources.profiles.get({ namespace: "", name }),
  };
  const objects = ports.objects(owner.namespace);
  const configMaps = namedConfigMaps(deployment, spec, objects);
  const meaning = (image: string | undefined): Version => {
    const reviewed = reviewedSpec(spec, { image, configMaps: [...configMaps.values()] });
    return { spec, reviewed, digest: specDigest(reviewed), configMaps };
  };
  const vague = meaning(undefined);
  const isOpen = approvals.length > judged.length || judged.some(({ state }) => state.phase !== "Approved");
  if (!isOpen && !isConcerned(vague, circumstances)) return letThrough(scope, vague, "any");

  const found = await findImage(scope, { live, circumstances, objects, meaning }, ports);
  if (found.kind === "failed") return keepWhatRuns(scope, undefined, circumstances, ports);
  const version = found.kind === "found" ? meaning(found.image) : vague;
  gate.wants(deployment, version.digest);
  await judge(scope, { version, circumstances, keys, live, asked: approvals.length > 0 }, ports);
}

/** Whether a rule of today may match, before it is known what image it is. An expression may look at that, too. */
function isConcerned(version: Version, circumstances: Circumstances): boolean {
  const { policies } = circumstances;
  const looks = policies.some(({ spec }) => spec.rules.some(({ cel }) => cel !== undefined));
  return looks || triggersAbout(version, circumstances).length > 0;
}

interface Case {
  readonly version: Version;
  readonly circumstances: Circumstances;
  readonly keys: StampKeys | undefined;
  readonly live: LiveBackend;
  /** Whether anybody was ever asked about this deployment. */
  readonly asked: boolean;
}

async function judge(
  scope: Scope,
  { version, circumstances, keys, live, asked }: Case,
  ports: GatePorts,
): Promise<void> {
  const triggers = triggersAbout(version, circumstances);
  const { judged } = circumstances;
  const request = scope.deployment.metadata.annotations?.[REQUEST_ANNOTATION]?.slice(0, MAX_REQUEST);
  const standing = standingOf({ digest: version.digest, triggers, judged, request });
  if (standing.kind === "free" && (keys || !asked)) return letThrough(scope, version, "exact");
  if (standing.kind === "approved") {
    tell(scope, standing);
    return letThrough(scope, version, "exact", imageOf(standing.by.approval, ports));
  }
  const narrowing = standing.kind === "rejected" ? undefined : narrowingOf(scope, version, circumstances);
  if (narrowing?.kind === "of approved") {
    const { name } = narrowing.approval.metadata;
    const message = `it only narrows what Approval "${name}" lets run`;
    scope.approval = { name, condition: { status: "True", reason: Reason.Approved, message } };
    return letThrough(scope, version, "exact", imageOf(narrowing.approval, ports));
  }
  if (!keys) holdFor(scope, "the key of the stamps is missing, so no approval can be checked");
  else if (standing.kind === "unasked")
    await ask(scope, { version, triggers, policies: standing.policies, judged, keys, live }, ports);
  else if (standing.kind !== "free") tell(scope, standing);
  // It lets less happen than what runs, so what runs has to wait for nobody to become it.
  if (narrowing) return letThrough(scope, version, "exact", narrowing);
  keepWhatRuns(scope, version, circumstances, ports);
}

/** The image that runs by an Approval which could not name one. */
function imageOf(approval: Approval, { gate }: GatePorts): LaterImage {
  const { image } = approval.status ?? {};
  return image === undefined ? { keep: (found, signal) => gate.keepImage(approval, found, signal) } : { image };
}
