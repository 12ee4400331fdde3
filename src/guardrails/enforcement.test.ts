import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { overrides, profiles } from "../../test/support/arbitrary-guardrails.ts";
import { builtInProfile } from "./built-in.ts";
import { GUARDRAIL_FEATURES, type GuardrailCapabilities, type GuardrailFeature, type Support } from "./capabilities.ts";
import { effectiveGuardrails, type GuardrailOverrides } from "./effective-guardrails.ts";
import { enforcementOf } from "./enforcement.ts";
import { GUARDRAIL_FIELDS, type GuardrailField } from "./guardrail-field.ts";

const docker = { name: "local", type: "docker" };

/** A backend that enforces everything, and every profile that the built-ins name, but for what is given. */
function capable(lacks: Partial<Record<GuardrailFeature, Support>> = {}): GuardrailCapabilities {
  const all = GUARDRAIL_FEATURES.map((feature) => [feature, { enforcement: "Enforced", reason: `by ${feature}` }]);
  return {
    features: { ...Object.fromEntries(all), ...lacks },
    appArmorProfiles: ["mcp-standard", "mcp-restricted", "mcp-airgapped"],
  };
}
const lacking = (feature: GuardrailFeature, enforcement: Support["enforcement"] = "NotEnforced") =>
  capable({ [feature]: { enforcement, reason: `no ${feature} here` } });

const standard = effectiveGuardrails(builtInProfile("standard"));
const under = (given: GuardrailOverrides, profile = builtInProfile("standard")) => effectiveGuardrails(profile, given);

it("tells all fields, in order, whatever the guardrails", () => {
  fc.assert(
    fc.property(profiles, overrides, (profile, given) => {
      const { fields, compatible } = enforcementOf(effectiveGuardrails(profile, given), capable(), docker);
      expect(fields.map(({ field }) => field)).toEqual([...GUARDRAIL_FIELDS]);
      const isOwn = (given.appArmor ?? profile.spec.appArmor).name === "own";
      expect(compatible || isOwn).toBe(true);
      for (const { reason } of fields) expect(reason).not.toBe("");
    }),
  );
});

/** For each feature a profile that asks for it, and the fields of which it is a part. */
const asking: Record<GuardrailFeature, { given: GuardrailOverrides; fields: readonly GuardrailField[] }> = {
  "network.closedEgress": {
    given: { network: { egressAllowed: false } },
    fields: ["network.egressAllowed", "network.allowedHosts"],
  },
  "network.allowedNames": { given: { network: { allowedHosts: ["a.test"] } }, fields: ["network.allowedHosts"] },
  "network.allowedRanges": { given: { network: { allowedHosts: ["10.0.0.1"] } }, fields: ["network.allowedHosts"] },
  "network.allowedPorts": { given: { network: { allowedHosts: ["a.test:1"] } }, fields: ["network.allowedHosts"] },
  "network.ingressPorts": { given: {}, fields: ["network.ingressPorts"] },
  "network.closedIngress": { given: { network: { ingressPorts: [] } }, fields: ["network.ingressPorts"] },
  "filesystem.readOnlyRoot": { given: {}, fields: ["filesystem.readOnlyRoot"] },
  "filesystem.allowedMounts": { given: {}, fields: ["filesystem.allowedMounts"] },
  "capabilities.dropAll": { given: {}, fields: ["capabilities.dropAll"] },
  "capabilities.add": { given: {}, fields: ["capabilities.add"] },
  "resources.maxCpu": { given: {}, fields: ["resources.maxCpu"] },
  "resources.maxMemory": { given: {}, fields: ["resources.maxMemory"] },
  "resources.maxPids": { given: {}, fields: ["resources.maxPids"] },
  "seccomp.RuntimeDefault": { given: {}, fields: ["seccomp"] },
  "seccomp.Unconfined": { given: { seccomp: { type: "Unconfined" } }, fields: ["seccomp"] },
  "seccomp.ConfigMap": {
    given: { seccomp: { type: "ConfigMap", namespace: "n", name: "c", key: "k" } },
    fields: ["seccomp"],
  },
  "appArmor.RuntimeDefault": { given: { appArmor: { type: "RuntimeDefault" } }, fields: ["appArmor"] },
  "appArmor.Unconfined": { given: { appArmor: { type: "Unconfined" } }, fields: ["appArmor"] },
  "appArmor.Localhost": { given: {}, fields: ["appArmor"] },
  runAsNonRoot: { given: { runAsNonRoot: true }, fields: ["runAsNonRoot"] },
};

describe.each(GUARDRAIL_FEATURES)("where a backend lacks %s", (feature) => {
  const { given, fields: expected } = asking[feature];

  it.each([
    { enforcement: "NotEnforced", severity: "Warning", compatible: false },
    { enforcement: "Partial", severity: "Info", compatible: true },
  ] as const)("says $enforcement of what asks for it, and of nothing else", ({ enforcement, severity, compatible }) => {
    const found = enforcementOf(under(given), lacking(feature, enforcement), docker);
    expect(found.fields.filter((field) => field.enforcement !== "Enforced").map(({ field }) => field)).toEqual(
      expected,
    );
    expect(found.compatible).toBe(compatible);
    expect(found.warnings).toEqual(
      expected.map((field) => ({
        field,
        message: expect.stringMatching(`no ${feature} here$`),
        backend: "local",
        severity,
      })),
    );
  });

  it("says nothing where the profile does not ask for it", () => {
    // What the widest profile asks for is that it be unconfined, which a backend may be unable to do.
    if (feature.endsWith(".Unconfined")) return;
    const open = effectiveGuardrails(builtInProfile("unrestricted"));
    const free = { ...open, resources: { maxCpuMillis: undefined, maxMemoryBytes: undefined, maxPids: undefined } };
    expect(enforcementOf(free, lacking(feature), docker)).toMatchObject({ compatible: true, warnings: [] });
  });
});

describe("reasons", () => {
  const reasonOf = (field: GuardrailField, given: GuardrailOverrides = {}, profile = builtInProfile("standard")) =>
    enforcementOf(under(given, profile), capable(), docker).fields.find((found) => found.field === field)?.reason;

  it.each<{ field: GuardrailField; given?: GuardrailOverrides; profile?: "unrestricted"; want: string }>([
    { field: "resources.maxCpu", want: "at most 500m CPU: by resources.maxCpu" },
    { field: "resources.maxMemory", want: "at most 512Mi memory: by resources.maxMemory" },
    { field: "resources.maxPids", want: "at most 100 processes: by resources.maxPids" },
    { field: "resources.maxPids", profile: "unrestricted", want: "not restricted: no maximum" },
    { field: "network.egressAllowed", want: "not restricted: network.allowedHosts says what may be reached" },
    {
      field: "network.allowedHosts",
      given: { network: { allowedHosts: ["a.test"] } },
      want: "only 1 listed host: by network.closedEgress; by network.allowedNames",
    },
    { field: "network.allowedHosts", profile: "unrestricted", want: "not restricted: everything may be reached" },
    { field: "network.ingressPorts", want: "only the transport's port may be reached: by network.ingressPorts" },
    {
      field: "network.ingressPorts",
      given: { network: { ingressPorts: [9090] } },
      want: "only 9090 and the transport's port may be reached: by network.ingressPorts",
    },
    {
      field: "network.ingressPorts",
      profile: "unrestricted",
      want: "not restricted: nothing about the network is restricted",
    },
    { field: "filesystem.allowedMounts", want: "mounts in /data, /cache only: by filesystem.allowedMounts" },
    {
      field: "capabilities.dropAll",
      given: { capabilities: { dropAll: false } },
      want: "not restricted: the default capabilities stay, but for NET_RAW, SETGID, SETUID, which a restricted network forbids",
    },
    { field: "capabilities.dropAll", profile: "unrestricted", want: "not restricted: the default capabilities stay" },
  ])("say what $field asks for, and how it is kept: $want", ({ field, given, profile = "standard", want }) => {
    expect(reasonOf(field, given, builtInProfile(profile))).toBe(want);
  });

  it("fit into a status, however long lists and the backend's own reasons are", () => {
    const long = {
      ...lacking("filesystem.allowedMounts").features,
      "filesystem.allowedMounts": { enforcement: "Partial", reason: "x".repeat(1024) },
    } as const;
    const allowedMounts = Array.from({ length: 64 }, (_, at) => `/${"y".repeat(1000)}${at}`);
    const { fields, warnings } = enforcementOf(
      under({ filesystem: { allowedMounts } }),
      { ...capable(), features: long },
      docker,
    );
    for (const text of [...fields.map(({ reason }) => reason), ...warnings.map(({ message }) => message)])
      expect(text.length).toBeLessThanOrEqual(1024);
  });
});

describe("an AppArmor profile that is not loaded", () => {
  const own = { type: "Localhost", name: "payments" } as const;
  const without = capable({ "appArmor.RuntimeDefault": { enforcement: "NotEnforced", reason: "no AppArmor here" } });

  it.each([
    {
      because: "the backend's own takes its place",
      given: { appArmor: own },
      capabilities: capable(),
      want: "Partial",
    },
    { because: "unless there is none", given: { appArmor: own }, capabilities: without, want: "NotEnforced" },
    {
      because: "or the profile is strict",
      given: { appArmor: own, enforcement: "Strict" as const },
      capabilities: capable(),
      want: "NotEnforced",
    },
  ])("is $want: $because", ({ given, capabilities, want }) => {
    const { fields } = enforcementOf(under(given), capabilities, docker);
    expect(fields.find(({ field }) => field === "appArmor")).toMatchObject({
      enforcement: want,
      reason: expect.stringMatching(/^profile payments is not loaded on the backend's machine; load it/),
    });
  });
});

it("notes a type of backend that the profile was not written for", () => {
  const open = effectiveGuardrails(builtInProfile("unrestricted"));
  const { warnings, compatible } = enforcementOf(open, capable(), { name: "cloud", type: "code-engine" });
  expect(compatible).toBe(true);
  expect(warnings).toEqual([
    {
      field: "recommendedBackends",
      message: 'GuardrailProfile "unrestricted" is meant for docker; RuntimeBackend "cloud" is of type code-engine',
      backend: "cloud",
      severity: "Info",
    },
  ]);
  expect(enforcementOf({ ...open, recommendedBackends: [] }, capable(), { name: "c", type: "x" }).warnings).toEqual([]);
  expect(enforcementOf(standard, capable(), docker).warnings).toEqual([]);
});
