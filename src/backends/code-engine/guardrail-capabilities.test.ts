import { describe, expect, it } from "@jest/globals";
import { type BuiltInName, builtInProfile } from "../../guardrails/built-in.ts";
import { effectiveGuardrails } from "../../guardrails/effective-guardrails.ts";
import { enforcementOf } from "../../guardrails/enforcement.ts";
import { CODE_ENGINE_GUARDRAILS } from "./guardrail-capabilities.ts";

const ibm = { name: "ibm", type: "code-engine" };
const EVERYWHERE = { "filesystem.allowedMounts": "Enforced", "resources.maxCpu": "Enforced", runAsNonRoot: "Enforced" };
const NOWHERE = {
  "filesystem.readOnlyRoot": "NotEnforced",
  "capabilities.dropAll": "NotEnforced",
  seccomp: "NotEnforced",
  appArmor: "NotEnforced",
};

describe("what Code Engine makes of the built-in profiles", () => {
  it.each<{ profile: BuiltInName; want: Record<string, string> }>([
    {
      profile: "unrestricted",
      want: { "network.allowedHosts": "Enforced", seccomp: "Enforced", appArmor: "Enforced" },
    },
    {
      profile: "standard",
      want: {
        ...NOWHERE,
        "network.allowedHosts": "NotEnforced",
        "network.ingressPorts": "Partial",
        "capabilities.add": "NotEnforced",
        "resources.maxPids": "NotEnforced",
      },
    },
    {
      profile: "restricted",
      want: {
        ...NOWHERE,
        "network.egressAllowed": "NotEnforced",
        "network.allowedHosts": "NotEnforced",
        "network.ingressPorts": "Partial",
        "resources.maxPids": "NotEnforced",
      },
    },
    {
      profile: "airgapped",
      want: {
        ...NOWHERE,
        "network.egressAllowed": "NotEnforced",
        "network.allowedHosts": "NotEnforced",
        "network.ingressPorts": "Partial",
      },
    },
  ])("$profile", ({ profile, want }) => {
    const { fields, warnings } = enforcementOf(
      effectiveGuardrails(builtInProfile(profile)),
      CODE_ENGINE_GUARDRAILS,
      ibm,
    );
    const told = Object.fromEntries(fields.map(({ field, enforcement }) => [field, enforcement]));
    const others = Object.keys(told).filter((field) => !(field in want));
    expect(told).toEqual({ ...Object.fromEntries(others.map((field) => [field, "Enforced"])), ...EVERYWHERE, ...want });
    const lacking = Object.entries(want).filter(([, enforcement]) => enforcement !== "Enforced");
    expect(
      warnings
        .filter(({ field }) => field !== "recommendedBackends")
        .map(({ field }) => field)
        .sort(),
    ).toEqual(lacking.map(([field]) => field).sort());
  });
});
