import { describe, expect, it } from "@jest/globals";
import { BUILT_IN_PROFILES } from "../../guardrails/built-in.ts";
import { GUARDRAIL_FEATURES, type GuardrailFeature } from "../../guardrails/capabilities.ts";
import { effectiveGuardrails } from "../../guardrails/effective-guardrails.ts";
import { enforcementOf } from "../../guardrails/enforcement.ts";
import { type EnforcementFacts, guardrailCapabilities } from "./guardrail-capabilities.ts";

const PLAIN: EnforcementFacts = {
  noSandbox: "bubblewrap is not installed; install it",
  ownUsers: true,
  limitsProcesses: true,
  keepsPrivileges: true,
};
const CONFINED: EnforcementFacts = { ...PLAIN, noSandbox: undefined };

describe("what a machine enforces for processes", () => {
  it.each([
    { because: "with everything", facts: CONFINED },
    { because: "with nothing", facts: { ...PLAIN, limitsProcesses: false, keepsPrivileges: false, ownUsers: false } },
  ])("speaks of every feature, with a reason: $because", ({ facts }) => {
    const { features } = guardrailCapabilities(facts);
    expect(Object.keys(features).sort()).toEqual([...GUARDRAIL_FEATURES].sort());
    for (const { reason } of Object.values(features)) expect(reason.length).toBeGreaterThan(20);
  });

  it.each<{ because: string; facts: EnforcementFacts; enforced: GuardrailFeature[]; not: GuardrailFeature[] }>([
    {
      because: "a plain process has a user, and not much else",
      facts: PLAIN,
      enforced: ["capabilities.dropAll", "resources.maxPids", "runAsNonRoot"],
      not: ["filesystem.readOnlyRoot", "network.closedEgress", "seccomp.RuntimeDefault", "resources.maxMemory"],
    },
    {
      because: "bubblewrap makes the files read-only, and filters no network and no system call",
      facts: CONFINED,
      enforced: ["filesystem.readOnlyRoot", "capabilities.dropAll"],
      not: ["network.allowedNames", "network.closedEgress", "network.closedIngress", "seccomp.RuntimeDefault"],
    },
    {
      because: "the kernel counts the processes of a user, and this is Slipway's",
      facts: { ...CONFINED, ownUsers: false, limitsProcesses: false },
      enforced: ["runAsNonRoot"],
      not: ["resources.maxPids"],
    },
  ])("$because", ({ facts, enforced, not }) => {
    const { features } = guardrailCapabilities(facts);
    expect(enforced.filter((feature) => features[feature].enforcement !== "Enforced")).toEqual([]);
    expect(not.filter((feature) => features[feature].enforcement !== "NotEnforced")).toEqual([]);
  });

  it("says Partial where a program with a set-user-ID bit could still give privileges", () => {
    const { features } = guardrailCapabilities({ ...PLAIN, keepsPrivileges: false });
    expect(features["capabilities.dropAll"]).toMatchObject({
      enforcement: "Partial",
      reason: expect.stringContaining("setpriv"),
    });
  });

  it("names the remedy where there is no sandbox", () => {
    const { features } = guardrailCapabilities(PLAIN);
    expect(features["filesystem.readOnlyRoot"].reason).toContain("install it");
  });
});

describe("a profile that closes egress", () => {
  const airgapped = BUILT_IN_PROFILES.find(({ metadata }) => metadata.name === "airgapped");
  if (!airgapped) throw new Error("there is no profile airgapped");
  const guardrails = effectiveGuardrails(airgapped);
  const { network } = guardrails;
  const fieldsOf = (facts: EnforcementFacts, transportPort?: number) => {
    const given = { ...guardrails, network: { ...network, ...(transportPort !== undefined && { transportPort }) } };
    const { fields } = enforcementOf(given, guardrailCapabilities(facts), { name: "here", type: "process" });
    return Object.fromEntries(fields.map(({ field, enforcement }) => [field, enforcement]));
  };

  it.each([
    { because: "a server of stdio gets no network", facts: CONFINED, port: undefined, want: "Enforced" },
    { because: "one that listens has the machine's", facts: CONFINED, port: 8080, want: "NotEnforced" },
    { because: "without a sandbox so has the other", facts: PLAIN, port: undefined, want: "NotEnforced" },
  ])("$because", ({ facts, port, want }) => {
    expect(fieldsOf(facts, port)).toMatchObject({ "network.egressAllowed": want, "network.ingressPorts": want });
  });

  it("and one that lists hosts gets no more of it than before", () => {
    const listed = { ...guardrails, network: { ...network, egress: { kind: "listed" as const, hosts: [] } } };
    const { fields } = enforcementOf(listed, guardrailCapabilities(CONFINED), { name: "here", type: "process" });
    expect(fields.find(({ field }) => field === "network.allowedHosts")?.enforcement).toBe("NotEnforced");
    expect(fields.find(({ field }) => field === "network.ingressPorts")?.enforcement).toBe("NotEnforced");
  });
});
