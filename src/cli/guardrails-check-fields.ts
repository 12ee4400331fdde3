import { formatCpu, formatMemory } from "../api/quantity.ts";
import { formatAllowedHost } from "../guardrails/allowed-host.ts";
import { formatAppArmor } from "../guardrails/app-armor.ts";
import type { GuardrailOverrides } from "../guardrails/effective-guardrails.ts";
import { GUARDRAIL_FIELDS, type GuardrailField } from "../guardrails/guardrail-field.ts";
import type { Egress, Guardrails, Seccomp } from "../guardrails/guardrails.ts";
import { formatIngress, ingressOf } from "../guardrails/ingress.ts";
import { listing } from "../guardrails/listing.ts";
import { isJsonObject, member } from "../machinery/json-equal.ts";

/** One field of the effective guardrails, for people. */
export interface FieldValue {
  readonly field: string;
  readonly value: string;
  /** Whether the profile says so or the deployment. */
  readonly from: "profile" | "override";
}

/** Pure. `enforcement`, and every field that a backend enforces. */
export function fieldValues(guardrails: Guardrails, overrides: GuardrailOverrides = {}): readonly FieldValue[] {
  const from = (field: string) => (isNamed(overrides, field) ? "override" : "profile");
  return [
    { field: "enforcement", value: guardrails.enforcement, from: from("enforcement") },
    ...GUARDRAIL_FIELDS.map((field) => ({ field, value: VALUES[field](guardrails), from: from(field) }) as const),
  ];
}

const VALUES: Readonly<Record<GuardrailField, (guardrails: Guardrails) => string>> = {
  "network.egressAllowed": ({ network }) => String(network.egress.kind !== "closed"),
  "network.allowedHosts": ({ network }) => hosts(network.egress),
  "network.ingressPorts": ({ network }) => formatIngress(ingressOf(network)),
  "filesystem.readOnlyRoot": ({ filesystem }) => String(filesystem.readOnlyRoot),
  "filesystem.allowedMounts": ({ filesystem: { allowedMounts } }) =>
    allowedMounts ? listing(allowedMounts) : "anywhere",
  "capabilities.dropAll": ({ capabilities }) => String(capabilities.dropAll),
  "capabilities.add": ({ capabilities }) => listing(capabilities.add),
  "resources.maxCpu": ({ resources }) => maximum(resources.maxCpuMillis, formatCpu),
  "resources.maxMemory": ({ resources }) => maximum(resources.maxMemoryBytes, formatMemory),
  "resources.maxPids": ({ resources }) => maximum(resources.maxPids, String),
  seccomp: ({ seccomp }) => formatSeccomp(seccomp),
  appArmor: ({ appArmor }) => formatAppArmor(appArmor),
  runAsNonRoot: ({ runAsNonRoot }) => String(runAsNonRoot),
};

function hosts(egress: Egress): string {
  switch (egress.kind) {
    case "open":
      return "*";
    case "closed":
      return "none";
    case "listed":
      return listing(egress.hosts.map(formatAllowedHost));
    default:
      return egress satisfies never;
  }
}

function formatSeccomp(seccomp: Seccomp): string {
  return seccomp.type === "ConfigMap"
    ? `ConfigMap ${seccomp.namespace}/${seccomp.name}, key ${seccomp.key}`
    : seccomp.type;
}

function maximum(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? "no maximum" : format(value);
}

function isNamed(overrides: GuardrailOverrides, field: string): boolean {
  let value: unknown = overrides;
  for (const key of field.split(".")) value = isJsonObject(value) ? member(value, key) : undefined;
  return value !== undefined;
}
