import { formatCpu, formatMemory } from "../api/quantity.ts";
import type { GuardrailCapabilities, GuardrailFeature, Support } from "./capabilities.ts";
import { leadsPastNetwork } from "./confinement.ts";
import { GUARDRAIL_FIELDS, type GuardrailField } from "./guardrail-field.ts";
import type { AllowedHost, Guardrails } from "./guardrails.ts";
import { DEFAULT_CAPABILITIES, isNetworkRestricted } from "./held-capabilities.ts";
import { covers } from "./host-coverage.ts";
import { clipped, listing } from "./listing.ts";

/** How far a backend keeps one field of a profile. */
export interface FieldEnforcement {
  readonly field: string;
  readonly enforcement: Support["enforcement"];
  /** What the profile asks for and how it is kept, or what is left open; for people. */
  readonly reason: string;
}

/** What a profile asks for and does not get. */
export interface GuardrailWarning {
  /** A field of `FieldEnforcement`, or `recommendedBackends`. */
  readonly field: string;
  readonly message: string;
  /** The RuntimeBackend. */
  readonly backend: string;
  /** `Warning` where a field is not enforced; `Info` where it is in part, or the backend is not recommended. */
  readonly severity: "Info" | "Warning";
}

export interface Enforcement {
  /** One for each of `GUARDRAIL_FIELDS`, in that order. */
  readonly fields: readonly FieldEnforcement[];
  readonly warnings: readonly GuardrailWarning[];
  /** Whether no field is NotEnforced. */
  readonly compatible: boolean;
}

/** As the schema of the status has it. */
const LONGEST_REASON = 1024;

/** Pure. What a backend of these capabilities makes of a profile, for status, compatibility reports and refusals alike. */
export function enforcementOf(
  guardrails: Guardrails,
  capabilities: GuardrailCapabilities,
  backend: { readonly name: string; readonly type: string },
): Enforcement {
  const applicable = applicableTo(guardrails, capabilities);
  const fields = GUARDRAIL_FIELDS.map((field) => {
    const { enforcement, reason } = FIELDS[field](guardrails, applicable);
    return { field, enforcement, reason: clipped(reason, LONGEST_REASON) };
  });
  const lacking = fields.filter(({ enforcement }) => enforcement !== "Enforced");
  const warnings = lacking.map(
    ({ field, enforcement, reason }): GuardrailWarning => ({
      field,
      message: reason,
      backend: backend.name,
      severity: enforcement === "NotEnforced" ? "Warning" : "Info",
    }),
  );
  return {
    fields,
    warnings: [...warnings, ...recommendation(guardrails, backend)],
    compatible: fields.every(({ enforcement }) => enforcement !== "NotEnforced"),
  };
}

/** A place may keep a workload from a network that it has no use for, where it cannot keep it to a part of one. */
function applicableTo(
  { network: { egress, transportPort } }: Guardrails,
  capabilities: GuardrailCapabilities,
): GuardrailCapabilities {
  if (egress.kind !== "closed" || transportPort !== undefined) return capabilities;
  return { ...capabilities, features: { ...capabilities.features, ...capabilities.withoutNetwork } };
}

function recommendation(
  { profile, recommendedBackends }: Guardrails,
  { name, type }: { readonly name: string; readonly type: string },
): GuardrailWarning[] {
  if (recommendedBackends.length === 0 || recommendedBackends.includes(type)) return [];
  const message = `GuardrailProfile "${profile}" is meant for ${listing(recommendedBackends)}; RuntimeBackend "${name}" is of type ${type}`;
  return [{ field: "recommendedBackends", message: clipped(message, LONGEST_REASON), backend: name, severity: "Info" }];
}

type FieldRule = (guardrails: Guardrails, capabilities: GuardrailCapabilities) => Support;

const FIELDS: Readonly<Record<GuardrailField, FieldRule>> = {
  "network.egressAllowed": ({ network: { egress } }, capabilities) =>
    egress.kind === "closed"
      ? closes({ what: "nothing may be reached", hosts: [] }, capabilities)
      : unrestricted(
          egress.kind === "open" ? "everything may be reached" : "network.allowedHosts says what may be reached",
        ),
  "network.allowedHosts": ({ network: { egress } }, capabilities) => {
    if (egress.kind === "open") return unrestricted("everything may be reached");
    if (egress.kind === "closed") return closes({ what: "no host may be reached", hosts: [] }, capabilities);
    return closes({ what: `only ${count(egress.hosts.length, "listed host")}`, hosts: egress.hosts }, capabilities);
  },
  "network.ingressPorts": ({ network }, capabilities) => {
    const { ingressPorts } = network;
    if (ingressPorts?.length === 0) return needs("nothing may come in", ["network.closedIngress"], capabilities);
    if (!isNetworkRestricted({ network })) return unrestricted("nothing about the network is restricted");
    const beside = ingressPorts ? `${listing(ingressPorts)} and the transport's port` : "the transport's port";
    return needs(`only ${beside} may be reached`, ["network.ingressPorts"], capabilities);
  },
  "filesystem.readOnlyRoot": ({ filesystem }, capabilities) =>
    filesystem.readOnlyRoot
      ? needs("the image's files are read-only", ["filesystem.readOnlyRoot"], capabilities)
      : unrestricted("the image's files may be written"),
  "filesystem.allowedMounts": ({ filesystem: { allowedMounts } }, capabilities) =>
    allowedMounts
      ? needs(
          allowedMounts.length === 0 ? "nothing may be mounted" : `mounts in ${listing(allowedMounts)} only`,
          ["filesystem.allowedMounts"],
          capabilities,
        )
      : unrestricted("volumes may be mounted anywhere"),
  "capabilities.dropAll": (guardrails, capabilities) =>
    guardrails.capabilities.dropAll
      ? needs("the default capabilities are dropped", ["capabilities.dropAll"], capabilities)
      : unrestricted(`the default capabilities stay${lostToNetwork(guardrails)}`),
  "capabilities.add": ({ capabilities: { add } }, capabilities) =>
    add.length > 0
      ? needs(`${listing(add)} added`, ["capabilities.add"], capabilities)
      : unrestricted("no capability is added"),
  "resources.maxCpu": ({ resources: { maxCpuMillis: max } }, capabilities) =>
    maximum(max, (value) => `${formatCpu(value)} CPU`, "resources.maxCpu", capabilities),
  "resources.maxMemory": ({ resources: { maxMemoryBytes: max } }, capabilities) =>
    maximum(max, (value) => `${formatMemory(value)} memory`, "resources.maxMemory", capabilities),
  "resources.maxPids": ({ resources: { maxPids: max } }, capabilities) =>
    maximum(max, (value) => count(value, "process", "processes"), "resources.maxPids", capabilities),
  seccomp: ({ seccomp }, capabilities) => needs(SECCOMP[seccomp.type], [`seccomp.${seccomp.type}`], capabilities),
  appArmor: appArmorSupport,
  runAsNonRoot: ({ runAsNonRoot }, capabilities) =>
    runAsNonRoot
      ? needs("an image that runs as root is refused", ["runAsNonRoot"], capabilities)
      : unrestricted("the image's user is taken, root too"),
};

const SECCOMP = {
  RuntimeDefault: "the backend's own filter",
  Unconfined: "no filter",
  ConfigMap: "a filter out of a ConfigMap",
} as const;

/**
 * A profile that is not loaded is replaced by the backend's own, which is a part of what was asked for. Where the profile is
 * strict nothing is replaced.
 */
function appArmorSupport({ appArmor, enforcement }: Guardrails, capabilities: GuardrailCapabilities): Support {
  if (appArmor.type !== "Localhost") {
    const what = appArmor.type === "Unconfined" ? "no AppArmor profile" : "the backend's own profile";
    return needs(what, [`appArmor.${appArmor.type}`], capabilities);
  }
  const named = needs(`profile ${appArmor.name}`, ["appArmor.Localhost"], capabilities);
  if (named.enforcement === "NotEnforced" || capabilities.appArmorProfiles.includes(appArmor.name)) return named;
  const missing = `profile ${appArmor.name} is not loaded on the backend's machine; load it there with apparmor_parser`;
  const own = capabilities.features["appArmor.RuntimeDefault"];
  return own.enforcement === "NotEnforced" || enforcement === "Strict"
    ? { enforcement: "NotEnforced", reason: missing }
    : { enforcement: "Partial", reason: `${missing}. The backend's own profile applies instead` };
}

/** A place may leave ranges open to all its workloads: a profile that does not open them itself is not kept then. */
function closes(
  { what, hosts }: { readonly what: string; readonly hosts: readonly AllowedHost[] },
  capabilities: GuardrailCapabilities,
): Support {
  const support = needs(what, hostFeatures(hosts), capabilities);
  const { openRanges = [] } = capabilities;
  const excess = openRanges.filter((cidr) => !hosts.some((host) => covers(host, anyPortOf(cidr))));
  if (excess.length === 0 || support.enforcement === "NotEnforced") return support;
  return {
    enforcement: "NotEnforced",
    reason: `${what}: every workload of the backend can reach ${listing(excess)}, whatever its profile says`,
  };
}

function anyPortOf(cidr: string): AllowedHost {
  return { kind: "range", family: cidr.includes(":") ? 6 : 4, cidr, port: undefined };
}

/** Everything else is closed where hosts are listed, so that is asked for as well. */
function hostFeatures(hosts: readonly AllowedHost[]): readonly GuardrailFeature[] {
  const features: GuardrailFeature[] = ["network.closedEgress"];
  if (hosts.some(({ kind }) => kind === "name")) features.push("network.allowedNames");
  if (hosts.some(({ kind }) => kind === "range")) features.push("network.allowedRanges");
  if (hosts.some(({ port }) => port !== undefined)) features.push("network.allowedPorts");
  return features;
}

function lostToNetwork(guardrails: Guardrails): string {
  if (!isNetworkRestricted(guardrails)) return "";
  const lost = DEFAULT_CAPABILITIES.filter(leadsPastNetwork);
  return `, but for ${listing(lost)}, which a restricted network forbids`;
}

function maximum(
  max: number | undefined,
  format: (max: number) => string,
  feature: GuardrailFeature,
  capabilities: GuardrailCapabilities,
): Support {
  return max === undefined ? unrestricted("no maximum") : needs(`at most ${format(max)}`, [feature], capabilities);
}

const RANK = { Enforced: 0, Partial: 1, NotEnforced: 2 } as const;

/** The weakest of the features decides, with the reasons of all that are as weak. */
function needs(
  what: string,
  features: readonly GuardrailFeature[],
  { features: known }: GuardrailCapabilities,
): Support {
  const supports = features.map((feature) => known[feature]);
  const weakest = supports.reduce(
    (worst, next) => (RANK[next.enforcement] > RANK[worst] ? next.enforcement : worst),
    "Enforced" as Support["enforcement"],
  );
  const reasons = new Set(supports.filter(({ enforcement }) => enforcement === weakest).map(({ reason }) => reason));
  return { enforcement: weakest, reason: `${what}: ${[...reasons].join("; ")}` };
}

function unrestricted(what: string): Support {
  return { enforcement: "Enforced", reason: `not restricted: ${what}` };
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
