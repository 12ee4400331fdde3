import { describe, expect, it } from "@jest/globals";
import { type BuiltInName, builtInProfile } from "../guardrails/built-in.ts";
import { GUARDRAIL_FEATURES, type GuardrailCapabilities, type GuardrailFeature } from "../guardrails/capabilities.ts";
import { NEVER_WITH_RESTRICTED_NETWORK } from "../guardrails/confinement.ts";
import { effectiveGuardrails, type GuardrailOverrides } from "../guardrails/effective-guardrails.ts";
import { CHECKS, type Judged } from "./checks.ts";
import { parseVolumes } from "./volumes.ts";

const guardrails = (profile: BuiltInName, overrides: GuardrailOverrides = {}) =>
  effectiveGuardrails(builtInProfile(profile), overrides);
const boundBy = (origin: string, profile: BuiltInName, overrides?: GuardrailOverrides) => ({
  origin,
  profile,
  guardrails: guardrails(profile, overrides),
});
const at = (...paths: string[]) =>
  parseVolumes(paths.map((mountPath, n) => ({ name: `v${n}`, mountPath, readOnly: false, tmpfs: {} })));
const lacking = (...features: GuardrailFeature[]): GuardrailCapabilities => {
  const support = (feature: GuardrailFeature) =>
    features.includes(feature)
      ? ({ enforcement: "NotEnforced", reason: "no nf_tables here" } as const)
      : ({ enforcement: "Enforced", reason: "yes" } as const);
  const all = GUARDRAIL_FEATURES.map((feature) => [feature, support(feature)]);
  return { features: Object.fromEntries(all), appArmorProfiles: ["mcp-restricted"] };
};
const judged = (patch: Partial<Judged> = {}): Judged => ({
  guardrails: guardrails("restricted"),
  bounds: [],
  namespace: "team-a",
  ownSeccomp: undefined,
  resources: {},
  volumes: [],
  probe: "mcp",
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  sourceKind: "image",
  backend: { name: "local", type: "docker", capabilities: lacking() },
  ...patch,
});
const violations = (patch: Partial<Judged>) => CHECKS.map((check) => check(judged(patch))).filter((found) => found);

describe("nothing is against", () => {
  it.each<{ because: string; given: Partial<Judged> }>([
    {
      because: "a filter of its own out of its own namespace",
      given: { ownSeccomp: { type: "ConfigMap", namespace: "team-a", name: "filters", key: "k" } },
    },
    { because: "what asks for nothing", given: {} },
    { because: "what is as wide as its bound", given: { bounds: [boundBy("namespace a", "restricted")] } },
    { because: "asking for just the maximum", given: { resources: { cpu: "250m", memory: "256Mi", pids: 50 } } },
    { because: "any mount where no list is", given: { guardrails: guardrails("unrestricted"), volumes: at("/etc") } },
    {
      because: "mounts at and below listed paths",
      given: { guardrails: guardrails("standard"), volumes: at("/data", "/cache/x") },
    },
    {
      because: "a strong capability where the network is free",
      given: { guardrails: guardrails("unrestricted", { capabilities: { add: ["NET_ADMIN", "SYS_ADMIN"] } }) },
    },
    {
      because: "a server that nobody probes or reaches",
      given: { guardrails: guardrails("airgapped"), probe: "none" },
    },
    {
      because: "a lack, unless the profile is strict",
      given: { backend: { name: "local", type: "docker", capabilities: lacking("network.closedEgress") } },
    },
    {
      because: "a strict profile on a backend that nobody has asked yet",
      given: {
        guardrails: guardrails("restricted", { enforcement: "Strict" }),
        backend: { name: "local", type: "docker", capabilities: undefined },
      },
    },
  ])("$because", ({ given }) => {
    expect(violations(given)).toEqual([]);
  });
});

describe("refused", () => {
  it.each<{ because: string; given: Partial<Judged>; reason: string; message: string }>([
    {
      because: "a profile wider than its bounds: every field, with both values and whose bound",
      given: {
        guardrails: guardrails("standard"),
        bounds: [
          boundBy("namespace team-a", "standard", { network: { allowedHosts: ["*.googleapis.com"] } }),
          boundBy("RuntimeBackend local", "standard", { resources: { maxCpu: "100m" }, runAsNonRoot: true }),
        ],
      },
      reason: "GuardrailsTooWide",
      message:
        'GuardrailProfile "standard" with its overrides lets more happen than it may here: network.allowedHosts: api.openai.com, api.anthropic.com (namespace team-a allows by profile "standard": *.googleapis.com); resources.maxCpu: 500m (RuntimeBackend local allows by profile "standard": 100m); runAsNonRoot: false (RuntimeBackend local allows by profile "standard": true). Choose a narrower profile, or narrow these fields by spec.guardrails.overrides',
    },
    {
      because: "more than the maxima: what is asked for, and what may be",
      given: { resources: { cpu: 2, memory: "1Gi", pids: 51 } },
      reason: "LimitExceeded",
      message:
        'spec.resources asks for more than GuardrailProfile "restricted" allows: cpu 2, at most 250m; memory 1Gi, at most 256Mi; pids 51, at most 50. Ask for less, or choose a profile that allows more',
    },
    {
      because: "a mount where nothing may be mounted",
      given: { volumes: at("/data") },
      reason: "VolumeNotAllowed",
      message: 'spec.volumes: /data (volume v0): GuardrailProfile "restricted" allows mounts nowhere',
    },
    {
      because: "mounts beside the listed paths, by whole segments",
      given: { guardrails: guardrails("standard"), volumes: at("/data/x", "/database", "/") },
      reason: "VolumeNotAllowed",
      message:
        'spec.volumes: /database (volume v1), / (volume v2): GuardrailProfile "standard" allows mounts at or below /data, /cache only',
    },
    {
      because: "a capability with which the network's rules could be passed",
      given: { guardrails: guardrails("restricted", { capabilities: { add: ["CHOWN", "NET_ADMIN"] } }) },
      reason: "InvalidSpec",
      message:
        'GuardrailProfile "restricted" with its overrides restricts the network and adds NET_ADMIN, with which the workload could get past that; take it out of capabilities.add, or restrict neither egress nor ingress',
    },
    {
      because: "a filter of its own out of a namespace of others",
      given: { ownSeccomp: { type: "ConfigMap", namespace: "team-b", name: "filters", key: "k" } },
      reason: "InvalidSpec",
      message:
        'spec.guardrails.overrides.seccomp.namespace: "team-b": a deployment may name ConfigMaps of its own namespace only; copy it to "team-a", or have a GuardrailProfile name it',
    },
    {
      because: "a probe that nothing lets in",
      given: { guardrails: guardrails("airgapped"), probe: "tcp" },
      reason: "IngressClosed",
      message:
        'GuardrailProfile "airgapped" lets nothing in (network.ingressPorts is empty), so probe tcp cannot reach the server; set spec.health.probe to none, or choose a profile with ingress',
    },
    {
      because: "a strict profile that cannot be enforced",
      given: {
        guardrails: guardrails("restricted", { enforcement: "Strict" }),
        backend: { name: "local", type: "docker", capabilities: lacking("network.ingressPorts", "resources.maxPids") },
      },
      reason: "GuardrailNotEnforced",
      message:
        'GuardrailProfile "restricted" is strict, and RuntimeBackend "local" cannot enforce network.ingressPorts (only 8080 and the transport\'s port may be reached: no nf_tables here); resources.maxPids (at most 50 processes: no nf_tables here). Choose another backend, or a profile whose enforcement is Warn',
    },
    {
      because: "a server of others has no streams here",
      given: { sourceKind: "remote", transport: { type: "stdio", port: 8080, path: "/mcp" } },
      reason: "InvalidSpec",
      message:
        "spec.transport.type: stdio does not reach spec.source.remote, which has a URL; set streamable-http or sse",
    },
    {
      because: "a server of others has files of its own",
      given: { sourceKind: "remote", guardrails: guardrails("unrestricted"), volumes: at("/data") },
      reason: "InvalidSpec",
      message: "spec.volumes: v0: nothing can be mounted where somebody else runs the server; remove it",
    },
  ])("$because", ({ given, reason, message }) => {
    expect(violations(given)).toEqual([{ reason, message }]);
  });

  it.each([...NEVER_WITH_RESTRICTED_NETWORK])("%s with any restriction of the network", (name) => {
    const add = { capabilities: { add: [name] } };
    expect(violations({ guardrails: guardrails("unrestricted", add) })).toEqual([]);
    for (const network of [{ egressAllowed: false }, { allowedHosts: ["a.test"] }, { ingressPorts: [1] }])
      expect(violations({ guardrails: guardrails("unrestricted", { ...add, network }) })).toMatchObject([
        { reason: "InvalidSpec" },
      ]);
  });
});

it("never says more than a condition holds", () => {
  const long = Array.from({ length: 64 }, (_, n) => `/${"x".repeat(1000)}${n}`);
  const wide = guardrails("unrestricted", { filesystem: { allowedMounts: long } });
  const bound = boundBy("namespace team-a", "standard", {
    filesystem: { allowedMounts: long.map((path) => `${path}y`) },
  });
  const found = violations({
    guardrails: wide,
    bounds: [bound, bound],
    volumes: at(...long.slice(0, 32).map((path) => `${path}z`)),
  });
  expect(found.length).toBeGreaterThan(1);
  for (const violation of found) expect(violation?.message.length).toBeLessThan(32_768);
});
