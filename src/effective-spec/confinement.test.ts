import { describe, expect, it } from "@jest/globals";
import { builtInProfile } from "../guardrails/built-in.ts";
import { effectiveGuardrails, type GuardrailOverrides } from "../guardrails/effective-guardrails.ts";
import { confinementOf } from "./confinement.ts";
import type { EffectiveSpec } from "./effective-spec.ts";

const confinement = (
  overrides: GuardrailOverrides = {},
  { profile = "unrestricted" as const, port = 3000, seccompProfile = undefined as string | undefined } = {},
) => {
  const guardrails = effectiveGuardrails(builtInProfile(profile), overrides);
  const transport = { type: "sse", port, path: "/" } as const;
  return confinementOf({ guardrails, transport } as EffectiveSpec, { seccompProfile });
};

describe("the network of a confinement", () => {
  it.each<{ because: string; given: GuardrailOverrides; want: object | undefined }>([
    { because: "nothing is restricted", given: {}, want: undefined },
    {
      because: "a list of hosts closes all other ports",
      given: { network: { allowedHosts: ["a.test"] } },
      want: { egress: { kind: "listed", hosts: [expect.objectContaining({ name: "a.test" })] }, ingressPorts: [3000] },
    },
    {
      because: "listed ports, and the transport's, sorted",
      given: { network: { ingressPorts: [9090, 443] } },
      want: { egress: { kind: "open" }, ingressPorts: [443, 3000, 9090] },
    },
    {
      because: "the transport's once",
      given: { network: { ingressPorts: [3000] } },
      want: { egress: { kind: "open" }, ingressPorts: [3000] },
    },
    {
      because: "none at all",
      given: { network: { egressAllowed: false, ingressPorts: [] } },
      want: { egress: { kind: "closed" }, ingressPorts: [] },
    },
  ])("$because", ({ given, want }) => {
    expect(confinement(given).network).toEqual(want);
  });
});

it("passes on what the guardrails say of the process", () => {
  expect(confinement()).toMatchObject({
    readOnlyRoot: false,
    capabilities: { dropAll: false, add: [] },
    seccomp: { kind: "unconfined" },
    appArmor: { kind: "unconfined" },
    runAsNonRoot: false,
  });
  const own = { type: "ConfigMap", namespace: "n", name: "c", key: "k" } as const;
  const strict: GuardrailOverrides = {
    filesystem: { readOnlyRoot: true },
    capabilities: { dropAll: true, add: ["KILL", "CHOWN"] },
    seccomp: own,
    appArmor: { type: "Localhost", name: "mine" },
    runAsNonRoot: true,
  };
  expect(confinement(strict, { seccompProfile: "{}" })).toMatchObject({
    readOnlyRoot: true,
    capabilities: { dropAll: true, add: ["CHOWN", "KILL"] },
    seccomp: { kind: "profile", json: "{}" },
    appArmor: { kind: "profile", name: "mine" },
    runAsNonRoot: true,
  });
  const defaults = { seccomp: { type: "RuntimeDefault" }, appArmor: { type: "RuntimeDefault" } } as const;
  expect(confinement(defaults)).toMatchObject({ seccomp: { kind: "default" }, appArmor: { kind: "default" } });
  expect(() => confinement({ seccomp: own })).toThrow(/resolved/);
});
