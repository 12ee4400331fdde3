import { cpuMillis, memoryBytes } from "../api/quantity.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import { effectiveGuardrails } from "../guardrails/effective-guardrails.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { parseField } from "../guardrails/parse-field.ts";
import { TerminalError } from "../machinery/errors.ts";
import type { EffectiveSpec, Source } from "./effective-spec.ts";
import { type ReviewedConfigMap, type ReviewedSource, type ReviewedSpec, UNRESOLVED } from "./reviewed-spec.ts";
import { reviewedShapeProblem } from "./reviewed-spec-shape.ts";
import { choosePackage } from "./source.ts";
import { transportPort } from "./transport.ts";
import { parseVolumes, promisedVolumes } from "./volumes.ts";

/** What no approval is about: the deployment's as it is today holds for the approved version, too. */
export type TodaysUpkeep = Pick<EffectiveSpec, "desiredState" | "health" | "readiness" | "liveness">;

export interface Read {
  readonly spec: EffectiveSpec;
  /** Undefined: nobody could tell before it ran. */
  readonly image: string | undefined;
  /** Those with `sha256` are without their contents: nothing can be made from them. */
  readonly configMaps: readonly ReviewedConfigMap[];
}

const FIELD = "the reviewed spec";

/**
 * Pure. The inverse of `reviewedSpec`, for repair of what was approved; without notes.
 * @throws {TerminalError} `InvalidSpec` for what `reviewedSpec` does not write, such as members of a newer release: half of what
 * was approved is something else.
 */
export function readReviewed(value: unknown, upkeep: TodaysUpkeep): Read {
  const problem = reviewedShapeProblem(value);
  if (problem) throw new TerminalError(Reason.InvalidSpec, `${FIELD} cannot be read: ${problem}`);
  const reviewed = value as ReviewedSpec;
  const { backend, image, transport, resources, env = [], envFrom = [], restartPolicy, configMaps = [] } = reviewed;
  const guardrails = readGuardrails(reviewed);
  const volumes = parseVolumes(reviewed.volumes && [...reviewed.volumes]);
  const { desiredState, health, readiness, liveness } = upkeep;
  const spec: EffectiveSpec = {
    backend,
    source: readSource(reviewed.source),
    command: reviewed.command,
    args: reviewed.args,
    transport,
    guardrails,
    limits: {
      cpuMillis: parseField(`${FIELD}: resources.cpu`, resources.cpu, cpuMillis),
      memoryBytes: parseField(`${FIELD}: resources.memory`, resources.memory, memoryBytes),
      pids: resources.pids,
    },
    limitNotes: [],
    env,
    envFrom,
    volumes: [...volumes, ...promisedVolumes(guardrails, volumes)],
    restartPolicy,
    scaling: reviewed.scaling,
    visibility: reviewed.exposure?.visibility,
    reachNotes: [],
    desiredState,
    health,
    readiness,
    liveness,
  };
  return { spec, image: image === UNRESOLVED ? undefined : image, configMaps };
}

/**
 * Pure. The guardrails of a reviewed spec, to be compared with others.
 * @throws {TerminalError} `InvalidSpec`, naming the field.
 */
export function readGuardrails({
  guardrails: { profile, ...spec },
  transport,
}: Pick<ReviewedSpec, "guardrails" | "transport">): Guardrails {
  const { network, ...rest } = effectiveGuardrails({ metadata: { name: profile }, spec });
  return { ...rest, network: { ...network, ...transportPort(transport) } };
}

function readSource({ image, git, package: fromRegistry, process, remote }: ReviewedSource): Source {
  if (fromRegistry) return choosePackage(fromRegistry);
  if (process)
    return { kind: "process", command: process.command, args: process.args ?? [], workingDir: process.workingDir };
  if (remote) return { kind: "remote", url: remote.url, headers: remote.headers ?? [] };
  if (image) {
    const { reference, pullPolicy, pullSecretRef } = image;
    return { kind: "image", reference, pullPolicy, pullSecret: pullSecretRef?.name };
  }
  if (!git) throw new TerminalError(Reason.InvalidSpec, `${FIELD}: source must have one member`);
  const { url, revision, contextDir = "", dockerfile, buildArgs = {}, credentialsRef, push, rebuild = "" } = git;
  return {
    kind: "git",
    url,
    revision,
    contextDir,
    dockerfile,
    buildArgs,
    credentialsSecret: credentialsRef?.name,
    push: push && { repository: push.repository, secret: push.secretRef?.name },
    timeoutSeconds: git.timeoutSeconds,
    rebuild,
  };
}
