import { formatCpu, formatMemory } from "../api/quantity.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import { reportedGuardrails } from "../controllers/runtime-backend/reported-capabilities.ts";
import { chooseBackend } from "../controllers/runtime-deployment/choose-backend.ts";
import { boundsAt, findProfile, type GuardrailSources } from "../controllers/runtime-deployment/guardrail-sources.ts";
import {
  type BackendDefaults,
  type EffectiveSpec,
  type EffectiveSpecInput,
  examineSpec,
  profileNameOf,
} from "../effective-spec/effective-spec.ts";
import { assertSourceSupported } from "../effective-spec/source-support.ts";
import { effectiveGuardrails } from "../guardrails/effective-guardrails.ts";
import { enforcementOf, type FieldEnforcement, type GuardrailWarning } from "../guardrails/enforcement.ts";
import { TerminalError, TransientError } from "../machinery/errors.ts";
import { type FieldValue, fieldValues } from "./guardrails-check-fields.ts";

/** What the deployment would meet, as of now. */
export interface CheckWorld {
  readonly sources: GuardrailSources;
  readonly drivers: Readonly<Record<string, Pick<BackendDriver, "settings">>>;
}

/** What would become of one deployment. Parts that a refusal left unknown are absent. */
export interface CheckReport {
  readonly namespace: string;
  readonly name: string;
  readonly backend?: string;
  readonly profile?: string;
  /** The widest that it may be: whose bound, and the profile that it names. */
  readonly bounds: readonly { readonly origin: string; readonly profile: string }[];
  /** What the profile with its overrides comes to. With enforcement once the backend has said what it can do. */
  readonly fields: readonly (FieldValue & Partial<Pick<FieldEnforcement, "enforcement" | "reason">>)[];
  readonly limits?: {
    readonly cpu: string;
    readonly memory: string;
    /** Absent where the backend has no limit of processes. */
    readonly pids?: number;
    /** Where those come from that it does not ask for. */
    readonly notes: readonly string[];
  };
  readonly warnings: readonly Omit<GuardrailWarning, "backend">[];
  readonly refusals: readonly Refusal[];
}

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** Pure. Asks what the controller asks, by the same functions, but goes on after a refusal as far as it can. */
export function checkDeployment(deployment: RuntimeDeployment, { sources, drivers }: CheckWorld): CheckReport {
  const refusals: Refusal[] = [];
  /** The answer of `work`, or undefined where it refuses. */
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof TerminalError || error instanceof TransientError)) throw error;
      refusals.push({ reason: error.reason, message: error.message });
      return undefined;
    }
  };
  const { metadata, spec } = deployment;
  const { namespace = "", name } = metadata;
  const overrides = spec.guardrails?.overrides;
  const backend = attempt(() => chooseBackend(deployment, sources.backends.list()));
  const profile = attempt(() => findProfile(sources, profileNameOf(spec), "spec.guardrails.profile"));
  const guardrails = profile && attempt(() => effectiveGuardrails(profile, overrides));
  const bounds = boundsAt(sources, namespace, backend?.metadata.name);
  if (bounds.problem !== undefined) attempt(() => raise(bounds.problem));
  const place = backend && attempt(() => placeOf(backend, drivers));
  const examined =
    place && profile && guardrails
      ? attempt(() => examineSpec({ deployment, profile, bounds: bounds.known, backend: place }))
      : undefined;
  refusals.push(...(examined?.violations ?? []));
  if (examined && backend) {
    const { metadata, status } = backend;
    const told = { name: metadata.name, sources: status?.capabilities?.sources };
    attempt(() => assertSourceSupported(examined.spec.source, told, sources.backends.list()));
  }

  const merged = examined?.spec.guardrails ?? guardrails;
  const enforcement = merged && place?.capabilities && enforcementOf(merged, place.capabilities, place);
  return {
    namespace,
    name,
    ...(backend && { backend: backend.metadata.name }),
    profile: profileNameOf(spec),
    bounds: bounds.known.map(({ origin, profile }) => ({ origin, profile })),
    fields: merged ? withEnforcement(fieldValues(merged, overrides), enforcement?.fields ?? []) : [],
    ...(examined && { limits: limitsOf(examined.spec, place?.defaults ?? {}) }),
    warnings: enforcement?.warnings.map(({ field, message, severity }) => ({ field, message, severity })) ?? [],
    refusals,
  };
}

function raise(problem: unknown): never {
  throw problem;
}

function placeOf(backend: RuntimeBackend, drivers: CheckWorld["drivers"]): EffectiveSpecInput["backend"] {
  const { metadata, spec } = backend;
  const driver = drivers[spec.type];
  if (!driver) {
    const message = `RuntimeBackend ${JSON.stringify(metadata.name)}: spec.type ${spec.type} is not known to this release`;
    throw new TerminalError(Reason.BackendUnavailable, message);
  }
  const { defaults } = driver.settings(spec);
  return { name: metadata.name, type: spec.type, defaults, capabilities: reportedGuardrails(backend) };
}

function withEnforcement(values: readonly FieldValue[], enforced: readonly FieldEnforcement[]): CheckReport["fields"] {
  const known = new Map(enforced.map(({ field, enforcement, reason }) => [field, { enforcement, reason }]));
  return values.map((value) => ({ ...value, ...known.get(value.field) }));
}

function limitsOf(
  { limits, limitNotes }: EffectiveSpec,
  { limitsPids = true }: Pick<BackendDefaults, "limitsPids">,
): NonNullable<CheckReport["limits"]> {
  return {
    cpu: formatCpu(limits.cpuMillis),
    memory: formatMemory(limits.memoryBytes),
    ...(limitsPids && { pids: limits.pids }),
    notes: limitNotes,
  };
}
