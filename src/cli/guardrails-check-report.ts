import { formatCpu, formatMemory } from "../api/quantity.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import {
  GUARDRAILS_BOUND_LABEL,
  type GuardrailProfile,
  type RuntimeBackend,
  type RuntimeDeployment,
} from "../api/v1alpha1/index.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import { reportedGuardrails } from "../controllers/runtime-backend/reported-capabilities.ts";
import { chooseBackend } from "../controllers/runtime-deployment/choose-backend.ts";
import {
  type EffectiveSpec,
  type EffectiveSpecInput,
  examineSpec,
  profileNameOf,
} from "../effective-spec/effective-spec.ts";
import type { Bound } from "../guardrails/bounds.ts";
import type { GuardrailCapabilities } from "../guardrails/capabilities.ts";
import { effectiveGuardrails } from "../guardrails/effective-guardrails.ts";
import { enforcementOf, type FieldEnforcement, type GuardrailWarning } from "../guardrails/enforcement.ts";
import { TerminalError } from "../machinery/errors.ts";
import { type FieldValue, fieldValues } from "./guardrails-check-fields.ts";

/** What the deployment would meet, as of now. */
export interface CheckWorld {
  profile(name: string): GuardrailProfile | undefined;
  readonly backends: readonly RuntimeBackend[];
  readonly drivers: Readonly<Record<string, Pick<BackendDriver, "settings">>>;
  /** Labels of the deployment's namespace. */
  readonly namespaceLabels: Readonly<Record<string, string>>;
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
    readonly pids: number;
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

/** Pure. Asks what the controller would ask, in its order, but goes on after a refusal as far as it can. */
export function checkDeployment(deployment: RuntimeDeployment, world: CheckWorld): CheckReport {
  const refusals: Refusal[] = [];
  /** The answer of `work`, or undefined where it refuses. */
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error;
      refusals.push({ reason: error.reason, message: error.message });
      return undefined;
    }
  };
  const { metadata, spec } = deployment;
  const overrides = spec.guardrails?.overrides;
  const backend = attempt(() => chooseBackend(deployment, world.backends));
  const profileName = profileNameOf(spec);
  const profile = attempt(() => existing(world, profileName, "spec.guardrails.profile"));
  const guardrails = profile && attempt(() => effectiveGuardrails(profile, overrides));
  const names = boundNames(deployment, backend, world);
  const bounds = names.map((name) => attempt(() => boundOf(name, world)));
  const capabilities = backend && reportedGuardrails(backend);
  const examined =
    backend && profile && guardrails && bounds.every((bound) => bound !== undefined)
      ? attempt(() =>
          examineSpec({ deployment, profile, bounds, backend: placeOf(backend, capabilities, world.drivers) }),
        )
      : undefined;
  refusals.push(...(examined?.violations ?? []));

  const effective = examined?.spec;
  const merged = effective?.guardrails ?? guardrails;
  const place = backend && { name: backend.metadata.name, type: backend.spec.type };
  const enforcement = merged && place && capabilities && enforcementOf(merged, capabilities, place);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    ...(place && { backend: place.name }),
    profile: profileName,
    bounds: names.map(({ origin, profile }) => ({ origin, profile })),
    fields: merged ? withEnforcement(fieldValues(merged, overrides), enforcement?.fields ?? []) : [],
    ...(effective && { limits: limitsOf(effective) }),
    warnings: enforcement?.warnings.map(({ field, message, severity }) => ({ field, message, severity })) ?? [],
    refusals,
  };
}

interface BoundName {
  readonly origin: string;
  /** Field that names it, for messages. */
  readonly field: string;
  readonly profile: string;
}

function boundNames(
  { metadata }: RuntimeDeployment,
  backend: RuntimeBackend | undefined,
  { namespaceLabels }: CheckWorld,
): BoundName[] {
  // Empty is no bound.
  const label = namespaceLabels[GUARDRAILS_BOUND_LABEL] || undefined;
  const ofBackend = backend?.spec.guardrailsBound || undefined;
  return [
    ...(label === undefined
      ? []
      : [
          {
            origin: `namespace ${metadata.namespace}`,
            field: `label ${GUARDRAILS_BOUND_LABEL} of namespace ${metadata.namespace}`,
            profile: label,
          },
        ]),
    ...(backend === undefined || ofBackend === undefined
      ? []
      : [
          {
            origin: `RuntimeBackend ${backend.metadata.name}`,
            field: `spec.guardrailsBound of RuntimeBackend ${backend.metadata.name}`,
            profile: ofBackend,
          },
        ]),
  ];
}

function boundOf({ origin, field, profile }: BoundName, world: CheckWorld): Bound {
  return { origin, profile, guardrails: effectiveGuardrails(existing(world, profile, field)) };
}

function existing(world: CheckWorld, name: string, field: string): GuardrailProfile {
  const profile = world.profile(name);
  if (profile) return profile;
  throw new TerminalError(
    Reason.GuardrailProfileNotFound,
    `${field}: there is no GuardrailProfile ${JSON.stringify(name)}; make it, or name another`,
  );
}

function placeOf(
  { metadata, spec }: RuntimeBackend,
  capabilities: GuardrailCapabilities | undefined,
  drivers: CheckWorld["drivers"],
): EffectiveSpecInput["backend"] {
  const driver = drivers[spec.type];
  if (!driver)
    throw new TerminalError(Reason.BackendUnavailable, `spec.type: ${spec.type} is not known to this release`);
  return { name: metadata.name, type: spec.type, defaults: driver.settings(spec).defaults, capabilities };
}

function withEnforcement(values: readonly FieldValue[], enforced: readonly FieldEnforcement[]): CheckReport["fields"] {
  const known = new Map(enforced.map(({ field, enforcement, reason }) => [field, { enforcement, reason }]));
  return values.map((value) => ({ ...value, ...known.get(value.field) }));
}

function limitsOf({ limits, limitNotes }: EffectiveSpec): NonNullable<CheckReport["limits"]> {
  return {
    cpu: formatCpu(limits.cpuMillis),
    memory: formatMemory(limits.memoryBytes),
    pids: limits.pids,
    notes: limitNotes,
  };
}
