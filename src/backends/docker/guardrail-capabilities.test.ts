import { describe, expect, it } from "@jest/globals";
import { GUARDRAIL_FEATURES, type GuardrailFeature } from "../../guardrails/capabilities.ts";
import { type EnforcementFacts, guardrailCapabilities } from "./guardrail-capabilities.ts";

const engine: EnforcementFacts["engine"] = {
  cpuLimits: true,
  memoryLimits: true,
  swapLimits: true,
  pidsLimits: true,
  seccomp: true,
  seccompDefault: "default",
  appArmor: true,
  cgroupVersion: "2",
  rootless: false,
};
const supported = { kind: "supported" } as const;

type Want = readonly (readonly [GuardrailFeature, "Enforced" | "Partial" | "NotEnforced", string])[];

describe("guardrailCapabilities", () => {
  it("enforces everything on an Engine that has all", () => {
    const { features, appArmorProfiles } = guardrailCapabilities({
      engine,
      sandbox: supported,
      appArmorProfiles: ["mcp"],
    });
    expect(Object.keys(features).sort()).toEqual([...GUARDRAIL_FEATURES].sort());
    for (const { enforcement, reason } of Object.values(features)) {
      expect(enforcement).toBe("Enforced");
      expect(reason).not.toBe("");
    }
    expect(appArmorProfiles).toEqual(["mcp"]);
    // What stays writable is told.
    expect(features["filesystem.readOnlyRoot"].reason).toContain("/dev/shm");
    expect(features["network.allowedNames"].reason).toContain("shares an address");
  });

  const rows: { because: string; given?: Partial<typeof engine>; sandbox?: EnforcementFacts["sandbox"]; want: Want }[] =
    [
      {
        because: "the kernel has no nf_tables",
        sandbox: { kind: "unsupported", reason: "no nf_tables" },
        want: [
          ["network.closedEgress", "NotEnforced", "no nf_tables"],
          ["network.allowedNames", "NotEnforced", "no nf_tables"],
          ["network.allowedRanges", "NotEnforced", "no nf_tables"],
          ["network.allowedPorts", "NotEnforced", "no nf_tables"],
          ["network.ingressPorts", "Partial", "only the server's own port is published"],
          ["network.closedIngress", "Partial", "no port is published"],
          ["capabilities.dropAll", "Enforced", ""],
        ],
      },
      {
        because: "what fails now starts nothing",
        sandbox: { kind: "failing", reason: "make the image" },
        want: [["network.closedEgress", "Enforced", "make the image"]],
      },
      {
        because: "the machine has no AppArmor",
        given: { appArmor: false },
        want: [
          ["appArmor.RuntimeDefault", "Partial", "nothing to confine with"],
          ["appArmor.Localhost", "NotEnforced", "no AppArmor"],
          ["appArmor.Unconfined", "Enforced", ""],
        ],
      },
      {
        because: "the kernel has no seccomp",
        given: { seccomp: false },
        want: [
          ["seccomp.RuntimeDefault", "NotEnforced", "no seccomp"],
          ["seccomp.ConfigMap", "NotEnforced", "no seccomp"],
          ["seccomp.Unconfined", "Enforced", ""],
        ],
      },
      {
        because: "an administrator switched the Engine's filter off",
        given: { seccompDefault: "unconfined" },
        want: [
          ["seccomp.RuntimeDefault", "NotEnforced", "switched off"],
          ["seccomp.ConfigMap", "Enforced", ""],
        ],
      },
      {
        because: "swap is not counted",
        given: { swapLimits: false },
        want: [["resources.maxMemory", "Partial", "swap"]],
      },
      {
        because: "a rootless Engine may have no limits",
        given: { cpuLimits: false, memoryLimits: false, swapLimits: false, pidsLimits: false, rootless: true },
        want: [
          ["resources.maxCpu", "NotEnforced", "delegation"],
          ["resources.maxMemory", "NotEnforced", "delegation"],
          ["resources.maxPids", "NotEnforced", "delegation"],
        ],
      },
    ];
  it.each(rows)("says what is left open when $because", ({ given, sandbox = supported, want }) => {
    const { features } = guardrailCapabilities({ engine: { ...engine, ...given }, sandbox, appArmorProfiles: [] });
    for (const [feature, enforcement, says] of want) {
      expect({ feature, ...features[feature] }).toEqual({
        feature,
        enforcement,
        reason: expect.stringContaining(says),
      });
    }
  });

  it("offers no AppArmor profile where nothing loads them", () => {
    const { appArmorProfiles } = guardrailCapabilities({
      engine: { ...engine, appArmor: false },
      sandbox: supported,
      appArmorProfiles: ["mcp"],
    });
    expect(appArmorProfiles).toEqual([]);
  });
});
