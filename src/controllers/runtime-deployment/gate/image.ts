import type { Approval } from "../../../api/v1alpha1/index.ts";
import { onlyNarrows } from "../../../approvals/narrowing.ts";
import { NO_IMAGE } from "../../../backends/backend.ts";
import type { Namespaced } from "../../../effective-spec/references.ts";
import { type ReviewedSpec, UNRESOLVED } from "../../../effective-spec/reviewed-spec.ts";
import type { ImageSource } from "../../../effective-spec/source.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { LiveBackend } from "../../backend-registry.ts";
import { failureOf } from "../failure.ts";
import { lookAgain, type Scope } from "../scope.ts";
import type { GatePorts } from "./ports.ts";
import type { Judged } from "./standing.ts";
import type { Circumstances, Version } from "./version.ts";

export interface ImageQuestion {
  readonly live: LiveBackend;
  readonly circumstances: Circumstances;
  readonly objects: Namespaced;
  /** What the deployment asks for, should its reference stand for that image. */
  meaning(image: string): Version;
}

export type FoundImage =
  | { readonly kind: "found"; readonly image: string }
  /** Only the place where it runs can tell. */
  | { readonly kind: "unresolved" }
  /** It is in the scope why. */
  | { readonly kind: "failed" };

/**
 * What the reference of the spec stands for, asked once for each generation: a tag that is moved afterwards changes nothing.
 * The backend is not asked, since nothing of it may be touched before somebody said yes.
 */
export async function findImage(
  scope: Scope,
  { live, circumstances, objects, meaning }: ImageQuestion,
  { gate, clock }: Pick<GatePorts, "gate" | "clock">,
): Promise<FoundImage> {
  const source = scope.spec?.source;
  if (source?.kind === "process" || source?.kind === "remote") return { kind: "found", image: NO_IMAGE };
  if (source?.kind !== "image" || source.pullPolicy === "Never") return { kind: "unresolved" };
  const { judged } = circumstances;
  const known = remembered(scope, source, judged) ?? approvedImage(judged, meaning);
  if (known !== undefined) {
    scope.memory.resolved = { generation: scope.generation, reference: source.reference, image: known };
    return { kind: "found", image: known };
  }
  const secret = source.pullSecret === undefined ? undefined : objects.secret(source.pullSecret);
  const token = `${scope.generation}/${source.reference}/${secret?.metadata.resourceVersion}`;
  const hold = scope.memory.holds.active("image", token, clock.monotonicMs());
  if (hold) {
    scope.failure = hold.failure;
    lookAgain(scope, hold.until - clock.monotonicMs());
    return { kind: "failed" };
  }
  try {
    const dockerConfig = dockerConfigIn(secret?.data) ?? live.images?.dockerConfig;
    const request = { reference: source.reference, dockerConfig, places: live.images ?? {} };
    const image = await gate.images.resolve(request, scope.signal);
    scope.memory.resolved = { generation: scope.generation, reference: source.reference, image };
    return { kind: "found", image };
  } catch (error) {
    const failure = failureOf(error, scope.signal);
    scope.failure = failure;
    const leastMs = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
    const now = clock.monotonicMs();
    lookAgain(scope, scope.memory.holds.add("image", { token, now, failure, leastMs }).until - now);
    return { kind: "failed" };
  }
}

/** What this generation was found to mean before, here or by a controller that ran earlier. */
function remembered(
  { deployment, generation, memory }: Scope,
  { reference }: ImageSource,
  judged: readonly Judged[],
): string | undefined {
  const { resolved } = memory;
  if (resolved?.generation === generation && resolved.reference === reference) return resolved.image;
  const { workload } = deployment.status ?? {};
  if (workload?.generation === generation && workload.image !== undefined) return workload.image;
  const asked = judged.find(
    ({ approval: { spec } }) =>
      spec.generation === generation && reviewedIn({ spec }).source.image?.reference === reference,
  );
  return asked && reviewedIn(asked.approval).image;
}

/**
 * The image of an approved version of which this one differs in nothing but what needs no approval: a tag that was moved since
 * must not make anybody wait who only edits that.
 */
function approvedImage(judged: readonly Judged[], meaning: ImageQuestion["meaning"]): string | undefined {
  const approved = judged.filter(({ state }) => state.phase === "Approved").map(({ approval }) => reviewedIn(approval));
  return approved.find(
    (reviewed) => reviewed.image !== UNRESOLVED && onlyNarrows(reviewed, meaning(reviewed.image).reviewed),
  )?.image;
}

/** What an Approval is about. Its seal says that the controller wrote it. */
export function reviewedIn({ spec }: Pick<Approval, "spec">): ReviewedSpec {
  return spec.effective as ReviewedSpec;
}

function dockerConfigIn(data: Readonly<Record<string, string>> | undefined): string | undefined {
  const found = data?.[".dockerconfigjson"];
  return found === undefined ? undefined : Buffer.from(found, "base64").toString("utf8");
}
