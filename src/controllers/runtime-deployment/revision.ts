import { Reason } from "../../api/v1alpha1/conditions.ts";
import { type ImageRequest, NO_IMAGE, type PullProgress, type ResolvedImage } from "../../backends/backend.ts";
import { confinementOf } from "../../effective-spec/confinement.ts";
import { type EffectiveSpec, referencedObjects } from "../../effective-spec/effective-spec.ts";
import { type Namespaced, type Resolved, resolveReferences } from "../../effective-spec/references.ts";
import { buildKey, type ImageSource, type PackageSource, type Source } from "../../effective-spec/source.ts";
import { needsHashKey, programOf, workloadSpec } from "../../effective-spec/workload.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { LiveBackend } from "../backend-registry.ts";
import { type BuildingPorts, type BuildOrder, builtImage, orderBuild } from "./building.ts";
import type { Note } from "./facts.ts";
import { failureOf } from "./failure.ts";
import { objectsOf } from "./gate/config-maps.ts";
import { madeBy } from "./gate/version.ts";
import { noteProgress, recentProgress } from "./progress.ts";
import { askedHash, type Scope } from "./scope.ts";
import { tryNow } from "./set-back.ts";
import { type Surroundings, wire } from "./wiring.ts";

export interface RevisionPorts extends BuildingPorts {
  readonly surroundings: Surroundings;
  /** Secrets and ConfigMaps of one namespace. */
  objects(namespace: string): Namespaced;
  /** The key of the hashes of secret values. */
  hashKey(signal: AbortSignal): Promise<Uint8Array>;
}

/** A pull's progress is written at most this often. */
const PROGRESS_MS = 2_000;

/**
 * Finds out what exactly should run: references resolved, the image by digest, and here. Leaves `target` undefined, with
 * the reason in `step` or `failure`, while that cannot be said; what runs is then kept.
 */
export async function prepareRevision(scope: Scope, ports: RevisionPorts): Promise<void> {
  const { spec, live, observed } = scope;
  if (!spec || !live || !observed || spec.desiredState === "Stopped") return;
  const { namespace } = scope.owner;
  const objects = objectsOf(ports.objects(namespace), namespace, scope.revision?.version.configMaps);
  const profile = scope.profile?.metadata.generation;
  const build = spec.source.kind === "git" ? buildKey(spec.source) : "";
  scope.token = `${scope.generation}/${profile}/${live.instance}/${versions(scope, spec, objects)}/${build}`;

  const taken = accept(scope, spec, live, objects);
  const resolved = taken && (await wire(scope, { spec, live, resolved: taken.resolved }, ports));
  if (!resolved) return;
  const found = await obtain(scope, taken, { live, ports });
  if (!found) return;
  const { image, request } = found;

  const keyed = needsHashKey(resolved);
  const hashKey = keyed ? await tryNow(scope, ports.clock, () => ports.hashKey(scope.signal)) : undefined;
  if (keyed && !hashKey) return;
  const target = workloadSpec({ owner: scope.owner, generation: scope.generation, spec, resolved, image, hashKey });
  // Before anything runs of it.
  await scope.revision?.keepImage?.(image.pinned, scope.signal);
  const exists = image.pinned === NO_IMAGE || observed.some((workload) => askedHash(workload) === target.hash);
  if (!exists && !(await fetched(scope, live, { image, request, clock: ports.clock }))) return;
  scope.target = target;
  scope.image = image.pinned;
  scope.memory.made = madeBy(scope, image.pinned);
}

/** An image that somebody said yes to, whatever its reference stands for by now. */
interface Pinned {
  readonly kind: "pinned";
  readonly image: ResolvedImage;
  readonly request: Omit<ImageRequest, "dockerConfig">;
}

/** A spec that may run. */
interface Taken {
  readonly resolved: Resolved;
  readonly from: Referenced | BuildOrder | Pinned | Imageless;
}

/** Something that the backend finds behind a reference: an image, or a package. */
interface Referenced extends Omit<ImageRequest, "dockerConfig"> {
  readonly kind: "referenced";
}

/** A program of the machine, or somebody else's server. */
interface Imageless {
  readonly kind: "imageless";
}

/** What needs no call: the references, and the rules of the backend. */
function accept(scope: Scope, spec: EffectiveSpec, live: LiveBackend, objects: Namespaced): Taken | undefined {
  try {
    const { source, transport, restartPolicy } = spec;
    const from = pinned(scope, source) ?? origin(scope, source, { live, objects });
    const resolved = resolveReferences(spec, objects);
    const confinement = confinementOf(spec, resolved);
    const { env, mounts } = resolved;
    const program = programOf(spec, resolved);
    live.backend.admit({
      imageReference: imageReferenceOf(source),
      ...(program && { program }),
      ...(transport.type === "stdio" && { stdio: true }),
      ...{ port: transport.port, env, mounts, restartPolicy, confinement },
    });
    scope.accepted = true;
    return { resolved, from };
  } catch (error) {
    scope.failure = failureOf(error, scope.signal);
    if (scope.failure.kind === "refused") scope.accepted = false;
    return undefined;
  }
}

function origin(
  scope: Scope,
  source: Source,
  { live, objects }: { live: LiveBackend; objects: Namespaced },
): Taken["from"] {
  switch (source.kind) {
    case "git":
      return orderBuild(scope, source, { live, objects });
    case "image":
    case "package":
      return { kind: "referenced", ...requestOf(source) };
    case "process":
    case "remote":
      return { kind: "imageless" };
    default:
      return source satisfies never;
  }
}

/** What the backend is asked for. */
function requestOf(source: ImageSource | PackageSource): Omit<ImageRequest, "dockerConfig"> {
  if (source.kind === "image") return { reference: source.reference, pullPolicy: source.pullPolicy };
  return { reference: `${source.registry}:${source.name}@${source.version}`, pullPolicy: "IfNotPresent" };
}

function imageReferenceOf(source: Source): string | undefined {
  if (source.kind === "git") return source.push?.repository;
  return source.kind === "image" ? source.reference : undefined;
}

interface Obtained {
  readonly image: ResolvedImage;
  /** How it is fetched. */
  readonly request: ImageRequest;
}

/** The image itself: built, or found behind the reference of the spec. */
async function obtain(
  scope: Scope,
  { resolved: { dockerConfig }, from }: Taken,
  { live, ports }: { live: LiveBackend; ports: RevisionPorts },
): Promise<Obtained | undefined> {
  if (from.kind === "git") {
    const image = await builtImage(scope, from, ports);
    return image && { image, request: { reference: image.pinned, pullPolicy: "IfNotPresent", dockerConfig } };
  }
  if (from.kind === "pinned") {
    await ports.finalizer(scope);
    return { image: from.image, request: { ...from.request, dockerConfig } };
  }
  if (from.kind === "imageless") {
    await ports.finalizer(scope);
    return {
      image: { pinned: NO_IMAGE },
      request: { reference: NO_IMAGE, pullPolicy: "Never", dockerConfig: undefined },
    };
  }
  const { reference, pullPolicy } = from;
  const request: ImageRequest = { reference, pullPolicy, dockerConfig };
  const [image] = await Promise.all([
    pinnedImage(scope) ?? tryNow(scope, ports.clock, () => live.backend.resolveImage(request, scope.signal)),
    ports.finalizer(scope),
  ]);
  if (!image) return undefined;
  scope.memory.pinned = { generation: scope.generation, image: image.pinned };
  return { image, request };
}

function pinned({ revision }: Scope, source: Source): Pinned | undefined {
  const image = revision?.image;
  if (image === undefined) return undefined;
  const isReferenced = source.kind === "image" || source.kind === "package";
  const request = isReferenced ? requestOf(source) : ({ reference: image, pullPolicy: "IfNotPresent" } as const);
  return { kind: "pinned", image: { pinned: image }, request };
}

/** Versions of the objects that the spec refers to: a change of one is another attempt. */
function versions({ deployment }: Scope, { guardrails: { seccomp } }: EffectiveSpec, objects: Namespaced): string {
  const { secrets, configMaps } = referencedObjects(deployment.spec);
  const filters = seccomp.type === "ConfigMap" ? [objects.configMapOf(seccomp)] : [];
  return [...secrets.map(objects.secret), ...configMaps.map(objects.configMap), ...filters]
    .map((object) => object?.metadata.resourceVersion ?? "-")
    .join(",");
}

/** The image that this generation was resolved to before, here or by a controller that ran earlier. */
function pinnedImage({ deployment, generation, memory, observed }: Scope): ResolvedImage | undefined {
  if (memory.pinned?.generation === generation) return { pinned: memory.pinned.image };
  const running = observed?.find((workload) => workload.generation === generation);
  if (running) return running.image;
  const recorded = deployment.status?.workload;
  return recorded?.generation === generation && recorded.image !== undefined ? { pinned: recorded.image } : undefined;
}

/** Whether the image is on the backend; begins to fetch it where it is not. */
async function fetched(
  scope: Scope,
  { backend }: LiveBackend,
  { image, request, clock }: { image: ResolvedImage; request: ImageRequest; clock: Clock },
): Promise<boolean> {
  const state = await tryNow(scope, clock, () => backend.ensureImage(scope.owner, image, request, scope.signal));
  if (state?.kind === "pulling") scope.step = pulling(scope, request.reference, state.progress, clock.monotonicMs());
  else scope.memory.progress = undefined;
  return state?.kind === "present";
}

function pulling(scope: Scope, reference: string, progress: PullProgress, now: number): Note {
  const recent = recentProgress(scope, Reason.Pulling, { everyMs: PROGRESS_MS, now });
  if (recent) return recent;
  const { layersDone, layersTotal, bytesDone, bytesTotal } = progress;
  const layers = layersTotal > 0 ? `: ${layersDone} of ${layersTotal} layers` : "";
  const bytes = bytesTotal > 0 ? `, ${megabytes(bytesDone)} of ${megabytes(bytesTotal)} MB` : "";
  return noteProgress(scope, { reason: Reason.Pulling, message: `pulling ${reference}${layers}${bytes}` }, now);
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
