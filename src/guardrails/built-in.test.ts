import { describe, expect, it } from "@jest/globals";
import { guardrailProfileSchema } from "../api/v1alpha1/guardrail-profile.schema.ts";
import { compileSchema } from "../server/schema/compiled-schema.ts";
import { BUILT_IN_NAMES, BUILT_IN_PROFILES, builtInProfile } from "./built-in.ts";
import { effectiveGuardrails } from "./effective-guardrails.ts";
import type { Guardrails } from "./guardrails.ts";
import { widens } from "./widens.ts";

const name = (host: string, wildcard = false) => ({ kind: "name", name: host, wildcard, port: undefined });
const MI = 1024 ** 2;

/** The epic's table, column by column. */
const table: Record<string, Omit<Guardrails, "profile">> = {
  unrestricted: {
    enforcement: "Warn",
    network: { egress: { kind: "open" }, ingressPorts: undefined },
    filesystem: { readOnlyRoot: false, allowedMounts: undefined },
    capabilities: { dropAll: false, add: [] },
    resources: { maxCpuMillis: 2000, maxMemoryBytes: 2048 * MI, maxPids: undefined },
    seccomp: { type: "Unconfined" },
    appArmor: { type: "Unconfined" },
    runAsNonRoot: false,
    recommendedBackends: ["docker"],
  },
  standard: {
    enforcement: "Warn",
    network: {
      egress: {
        kind: "listed",
        hosts: [name("googleapis.com", true), name("api.openai.com"), name("api.anthropic.com")] as never,
      },
      ingressPorts: undefined,
    },
    filesystem: { readOnlyRoot: true, allowedMounts: ["/data", "/cache"] },
    capabilities: { dropAll: true, add: ["NET_BIND_SERVICE"] },
    resources: { maxCpuMillis: 500, maxMemoryBytes: 512 * MI, maxPids: 100 },
    seccomp: { type: "RuntimeDefault" },
    appArmor: { type: "Localhost", name: "mcp-standard" },
    runAsNonRoot: false,
    recommendedBackends: ["docker", "code-engine"],
  },
  restricted: {
    enforcement: "Warn",
    network: { egress: { kind: "closed" }, ingressPorts: [8080] },
    filesystem: { readOnlyRoot: true, allowedMounts: [] },
    capabilities: { dropAll: true, add: [] },
    resources: { maxCpuMillis: 250, maxMemoryBytes: 256 * MI, maxPids: 50 },
    seccomp: { type: "RuntimeDefault" },
    appArmor: { type: "Localhost", name: "mcp-restricted" },
    runAsNonRoot: false,
    recommendedBackends: ["docker", "code-engine"],
  },
  airgapped: {
    enforcement: "Warn",
    network: { egress: { kind: "closed" }, ingressPorts: [] },
    filesystem: { readOnlyRoot: true, allowedMounts: undefined },
    capabilities: { dropAll: true, add: [] },
    resources: { maxCpuMillis: 250, maxMemoryBytes: 128 * MI, maxPids: undefined },
    seccomp: { type: "RuntimeDefault" },
    appArmor: { type: "Localhost", name: "mcp-airgapped" },
    runAsNonRoot: false,
    recommendedBackends: ["docker", "code-engine"],
  },
};

describe.each(BUILT_IN_NAMES)("the built-in profile %s", (profile) => {
  it("is what the epic asks for", () => {
    expect(effectiveGuardrails(builtInProfile(profile))).toEqual({ profile, ...table[profile] });
  });

  it("is stored as it was shipped", () => {
    const { spec, status } = guardrailProfileSchema;
    const schema = compileSchema({ type: "object", required: ["spec"], properties: { spec, status } });
    const stored = structuredClone(builtInProfile(profile));
    expect(schema.prune(stored)).toEqual([]);
    schema.applyDefaults(stored);
    expect(schema.validate(stored)).toEqual([]);
    expect(stored).toEqual(builtInProfile(profile));
  });
});

it("knows them by name only", () => {
  expect(BUILT_IN_PROFILES.map(({ metadata }) => metadata.name)).toEqual([...BUILT_IN_NAMES]);
  expect(builtInProfile("payments")).toBeUndefined();
});

describe("where standard is the bound", () => {
  const under = (profile: (typeof BUILT_IN_NAMES)[number], transportPort: number) => {
    const guardrails = effectiveGuardrails(builtInProfile(profile));
    const a = { ...guardrails, network: { ...guardrails.network, transportPort } };
    return widens(a, effectiveGuardrails(builtInProfile("standard"))).map(({ field }) => field);
  };

  it.each([
    { profile: "standard", port: 8080, want: [] },
    { profile: "restricted", port: 8080, want: [] },
    { profile: "restricted", port: 3000, want: ["network.ingressPorts"] },
    { profile: "airgapped", port: 8080, want: ["filesystem.allowedMounts", "resources.maxPids"] },
    {
      profile: "unrestricted",
      port: 8080,
      want: [
        "network.allowedHosts",
        "network.ingressPorts",
        "filesystem.readOnlyRoot",
        "filesystem.allowedMounts",
        "capabilities.dropAll",
        "resources.maxCpu",
        "resources.maxMemory",
        "resources.maxPids",
        "seccomp",
        "appArmor",
      ],
    },
  ] as const)("$profile on port $port is wider in $want", ({ profile, port, want }) => {
    expect(under(profile, port)).toEqual(want);
  });
});
