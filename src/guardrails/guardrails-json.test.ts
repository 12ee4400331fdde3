import { describe, expect, it } from "@jest/globals";
import type { NetworkRules } from "./confinement.ts";
import type { Guardrails } from "./guardrails.ts";
import { labelJson, readGuardrails, readNetworkRules } from "./guardrails-json.ts";

const hosts = [
  { kind: "name", name: "api.example.com", wildcard: true, port: 443 },
  { kind: "name", name: "example.com", wildcard: false, port: undefined },
  { kind: "range", family: 6, cidr: "2001:db8::/32", port: undefined },
] as const;

const guardrails: Guardrails = {
  profile: "payments",
  enforcement: "Strict",
  network: { egress: { kind: "listed", hosts }, ingressPorts: undefined, transportPort: 8080 },
  filesystem: { readOnlyRoot: true, allowedMounts: ["/data"] },
  capabilities: { dropAll: true, add: ["NET_BIND_SERVICE"] },
  resources: { maxCpuMillis: 500, maxMemoryBytes: 2 ** 29, maxPids: undefined },
  seccomp: { type: "ConfigMap", namespace: "n", name: "c", key: "k.json" },
  appArmor: { type: "Localhost", name: "mcp" },
  runAsNonRoot: true,
  recommendedBackends: ["docker"],
};

const rules: NetworkRules = { egress: { kind: "listed", hosts }, ingressPorts: [8080, 9090] };

describe("the labels of guardrails", () => {
  it("are read as they were written", () => {
    expect(readGuardrails(labelJson(guardrails))).toEqual(guardrails);
    expect(readNetworkRules(labelJson(rules))).toEqual(rules);
  });

  it("are equal for equal values, whatever the order of their members", () => {
    const { profile, ...others } = guardrails;
    expect(labelJson({ ...others, profile })).toBe(labelJson(guardrails));
  });

  it.each([
    { because: "there is none", label: undefined },
    { because: "it is no JSON", label: "{" },
    { because: "it is another value", label: "null" },
    { because: "a field is missing", label: labelJson({ ...guardrails, network: undefined } as unknown as Guardrails) },
    {
      because: "a field is something else",
      label: labelJson({ ...guardrails, runAsNonRoot: "yes" } as unknown as Guardrails),
    },
    { because: "a newer version knows more", label: labelJson({ ...guardrails, gpu: true } as unknown as Guardrails) },
    {
      because: "an egress is of a kind that nobody knows",
      label: labelJson({
        ...guardrails,
        network: { ...guardrails.network, egress: { kind: "some" } },
      } as unknown as Guardrails),
    },
    {
      because: "a host has no name",
      label: labelJson({
        ...guardrails,
        network: { ...guardrails.network, egress: { kind: "listed", hosts: [{ kind: "name" }] } },
      } as unknown as Guardrails),
    },
  ])("are not relied on when $because", ({ label }) => {
    expect(readGuardrails(label)).toBeUndefined();
  });
});
