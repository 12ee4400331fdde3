import { cpuMillis, memoryBytes } from "../api/quantity.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import type { GuardrailProfileSpec, RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { TerminalError } from "../machinery/errors.ts";
import { formatAllowedHost, parseAllowedHost } from "./allowed-host.ts";
import { normalPath } from "./container-path.ts";
import type { AllowedHost, AppArmor, Egress, Guardrails, Seccomp } from "./guardrails.ts";
import { parseField } from "./parse-field.ts";

export type GuardrailOverrides = NonNullable<NonNullable<RuntimeDeploymentSpec["guardrails"]>["overrides"]>;

/** A GuardrailProfile, stored or not. */
export interface NamedProfile {
  readonly metadata: { readonly name: string };
  readonly spec: GuardrailProfileSpec;
}

/** The only entry of `allowedHosts` that is no host: everything may be reached. */
const EVERYTHING = "*";

/**
 * Pure. A profile with the overrides of a deployment. Overrides change only the keys that they name: single fields of network,
 * filesystem, capabilities and resources, whole lists, and seccomp and appArmor as a whole.
 * @throws {TerminalError} `InvalidSpec`, naming the field, where it stands, and its value.
 */
export function effectiveGuardrails(profile: NamedProfile, overrides: GuardrailOverrides = {}): Guardrails {
  const { spec } = profile;
  const { network, filesystem, capabilities, resources } = overrides;
  const from = <T>(path: string, override: T | undefined, own: T): Given<T> =>
    override === undefined
      ? { field: `GuardrailProfile "${profile.metadata.name}": spec.${path}`, value: own }
      : { field: `spec.guardrails.overrides.${path}`, value: override };

  return {
    profile: profile.metadata.name,
    enforcement: overrides.enforcement ?? spec.enforcement,
    network: {
      egress: egress(
        network?.egressAllowed ?? spec.network.egressAllowed,
        from("network.allowedHosts", network?.allowedHosts, spec.network.allowedHosts),
      ),
      ingressPorts: distinct(network?.ingressPorts ?? spec.network.ingressPorts)?.sort((a, b) => a - b),
    },
    filesystem: {
      readOnlyRoot: filesystem?.readOnlyRoot ?? spec.filesystem.readOnlyRoot,
      allowedMounts: distinct(
        each(from("filesystem.allowedMounts", filesystem?.allowedMounts, spec.filesystem.allowedMounts), normalPath),
      ),
    },
    capabilities: {
      dropAll: capabilities?.dropAll ?? spec.capabilities.dropAll,
      add: distinct<string>(capabilities?.add ?? spec.capabilities.add ?? []).sort(),
    },
    resources: {
      maxCpuMillis: one(from("resources.maxCpu", resources?.maxCpu, spec.resources.maxCpu), cpuMillis),
      maxMemoryBytes: one(from("resources.maxMemory", resources?.maxMemory, spec.resources.maxMemory), memoryBytes),
      maxPids: resources?.maxPids ?? spec.resources.maxPids,
    },
    seccomp: seccomp(from("seccomp", overrides.seccomp, spec.seccomp)),
    appArmor: appArmor(from("appArmor", overrides.appArmor, spec.appArmor)),
    runAsNonRoot: overrides.runAsNonRoot ?? spec.runAsNonRoot,
    recommendedBackends: spec.recommendedBackends ?? [],
  };
}

/** A value, and where it was written. */
interface Given<T> {
  readonly field: string;
  readonly value: T;
}

/** The list is read even where it does not count, so that a mistake in it is not found only when egress opens. */
function egress(allowed: boolean, list: Given<readonly string[] | undefined>): Egress {
  const hosts = new Map<string, AllowedHost>();
  for (const host of each(list, (text) => (text === EVERYTHING ? undefined : parseAllowedHost(text))) ?? [])
    if (host) hosts.set(formatAllowedHost(host), host);
  if (!allowed) return { kind: "closed" };
  if (list.value === undefined || list.value.includes(EVERYTHING)) return { kind: "open" };
  return hosts.size === 0 ? { kind: "closed" } : { kind: "listed", hosts: [...hosts.values()] };
}

function seccomp({ field, value: { type, namespace, name, key } }: Given<GuardrailProfileSpec["seccomp"]>): Seccomp {
  if (type !== "ConfigMap") return { type };
  if (namespace === undefined || name === undefined || key === undefined)
    throw invalid(field, "type ConfigMap needs namespace, name and key");
  return { type, namespace, name, key };
}

function appArmor({ field, value: { type, name } }: Given<GuardrailProfileSpec["appArmor"]>): AppArmor {
  if (type !== "Localhost") return { type };
  if (name === undefined) throw invalid(field, "type Localhost needs name");
  return { type, name };
}

function each<T, U>({ field, value }: Given<readonly T[] | undefined>, parse: (item: T) => U): U[] | undefined {
  return value?.map((item, at) => parseField(`${field}[${at}]`, item, parse));
}

function one<T, U>({ field, value }: Given<T | undefined>, parse: (value: T) => U): U | undefined {
  return value === undefined ? undefined : parseField(field, value, parse);
}

function distinct<T>(list: readonly T[]): T[];
function distinct<T>(list: readonly T[] | undefined): T[] | undefined;
function distinct<T>(list: readonly T[] | undefined): T[] | undefined {
  return list && [...new Set(list)];
}

function invalid(field: string, message: string): TerminalError {
  return new TerminalError(Reason.InvalidSpec, `${field}: ${message}`);
}
