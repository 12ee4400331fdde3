import type { Confinement, NetworkRules } from "../guardrails/confinement.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { isNetworkRestricted } from "../guardrails/held-capabilities.ts";
import type { EffectiveSpec } from "./effective-spec.ts";
import type { Resolved } from "./references.ts";

/** Pure. What a backend is to make of the guardrails, with the texts that they refer to. */
export function confinementOf(spec: EffectiveSpec, resolved: Pick<Resolved, "seccompProfile">): Confinement {
  const { filesystem, capabilities, appArmor, runAsNonRoot } = spec.guardrails;
  return {
    network: networkRules(spec),
    readOnlyRoot: filesystem.readOnlyRoot,
    capabilities: { dropAll: capabilities.dropAll, add: capabilities.add },
    seccomp: seccomp(spec.guardrails, resolved.seccompProfile),
    appArmor:
      appArmor.type === "Localhost"
        ? { kind: "profile", name: appArmor.name }
        : { kind: appArmor.type === "Unconfined" ? "unconfined" : "default" },
    runAsNonRoot,
  };
}

function networkRules({ guardrails, transport }: EffectiveSpec): NetworkRules | undefined {
  if (!isNetworkRestricted(guardrails)) return undefined;
  const own = transport.type === "stdio" ? [] : [transport.port];
  const { egress, ingressPorts = own } = guardrails.network;
  const ports = ingressPorts.length === 0 ? [] : [...new Set([...ingressPorts, ...own])];
  return { egress, ingressPorts: ports.sort((a, b) => a - b) };
}

function seccomp({ seccomp }: Guardrails, json: string | undefined): Confinement["seccomp"] {
  if (seccomp.type !== "ConfigMap") return { kind: seccomp.type === "Unconfined" ? "unconfined" : "default" };
  if (json === undefined) throw new Error("a seccomp profile of a ConfigMap must be resolved before");
  return { kind: "profile", json };
}
