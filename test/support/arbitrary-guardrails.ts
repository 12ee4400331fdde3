import fc from "fast-check";
import type { GuardrailProfileSpec } from "../../src/api/v1alpha1/index.ts";
import type { GuardrailOverrides, NamedProfile } from "../../src/guardrails/effective-guardrails.ts";

/** Few values that lie inside one another often, so that generated guardrails are comparable more often than not. */
export const HOSTS = [
  "a.test",
  "b.a.test",
  "*.a.test",
  "*.b.a.test",
  "*.test",
  "a.test:443",
  "*.a.test:443",
  "10.0.0.0/8",
  "10.1.0.0/16",
  "10.1.2.3",
  "10.1.0.0/16:443",
  "2001:db8::/32",
  "[2001:db8::/48]:443",
  "2001:db8::1",
];
export const PATHS = ["/data", "/data/x", "/data/x/y", "/database", "/cache", "/"];
export const PORTS = [443, 8080, 9090];
export const CAPABILITIES = [
  "CHOWN",
  "KILL",
  "NET_BIND_SERVICE",
  "NET_RAW",
  "SETUID",
  "SYS_ADMIN",
  "SYS_TIME",
] as const;

const some = <T>(values: readonly T[], maxLength = 3) => fc.uniqueArray(fc.constantFrom(...values), { maxLength });

const fields = {
  enforcement: fc.constantFrom("Warn", "Strict"),
  egressAllowed: fc.boolean(),
  allowedHosts: fc.oneof(
    { weight: 4, arbitrary: some(HOSTS) },
    { weight: 1, arbitrary: fc.constant<string[]>(["a.test", "*"]) },
  ),
  ingressPorts: some(PORTS),
  readOnlyRoot: fc.boolean(),
  allowedMounts: some(PATHS),
  dropAll: fc.boolean(),
  add: some(CAPABILITIES),
  maxCpu: fc.constantFrom<string | number>("250m", "1", 2),
  maxMemory: fc.constantFrom<string | number>("64Mi", "1Gi", 1e9),
  maxPids: fc.constantFrom(10, 50, 100),
  seccomp: fc.constantFrom<GuardrailProfileSpec["seccomp"]>(
    { type: "RuntimeDefault" },
    { type: "Unconfined" },
    { type: "ConfigMap", namespace: "n", name: "a", key: "k" },
    { type: "ConfigMap", namespace: "n", name: "b", key: "k" },
  ),
  appArmor: fc.constantFrom<GuardrailProfileSpec["appArmor"]>(
    { type: "RuntimeDefault" },
    { type: "Unconfined" },
    { type: "Localhost", name: "mcp-standard" },
    { type: "Localhost", name: "mcp-restricted" },
    { type: "Localhost", name: "own" },
  ),
  runAsNonRoot: fc.boolean(),
} as const;

/** Every shape that the schema lets be stored, with hosts, paths and the like out of the lists above. */
export const profileSpecs: fc.Arbitrary<GuardrailProfileSpec> = fc.record({
  enforcement: fields.enforcement,
  network: fc.record(
    { egressAllowed: fields.egressAllowed, allowedHosts: fields.allowedHosts, ingressPorts: fields.ingressPorts },
    { requiredKeys: ["egressAllowed"] },
  ),
  filesystem: fc.record(
    { readOnlyRoot: fields.readOnlyRoot, allowedMounts: fields.allowedMounts },
    { requiredKeys: ["readOnlyRoot"] },
  ),
  capabilities: fc.record({ dropAll: fields.dropAll, add: fields.add }, { requiredKeys: ["dropAll"] }),
  resources: fc.record(
    { maxCpu: fields.maxCpu, maxMemory: fields.maxMemory, maxPids: fields.maxPids },
    { requiredKeys: [] },
  ),
  seccomp: fields.seccomp,
  appArmor: fields.appArmor,
  runAsNonRoot: fields.runAsNonRoot,
});

export const profiles: fc.Arbitrary<NamedProfile> = fc.record({
  metadata: fc.constant({ name: "generated" }),
  spec: profileSpecs,
});

/** Any part of the keys, none and all included. */
export const overrides: fc.Arbitrary<GuardrailOverrides> = fc.record(
  {
    enforcement: fields.enforcement,
    network: fc.record(
      { egressAllowed: fields.egressAllowed, allowedHosts: fields.allowedHosts, ingressPorts: fields.ingressPorts },
      { requiredKeys: [] },
    ),
    filesystem: fc.record(
      { readOnlyRoot: fields.readOnlyRoot, allowedMounts: fields.allowedMounts },
      { requiredKeys: [] },
    ),
    capabilities: fc.record({ dropAll: fields.dropAll, add: fields.add }, { requiredKeys: [] }),
    resources: fc.record(
      { maxCpu: fields.maxCpu, maxMemory: fields.maxMemory, maxPids: fields.maxPids },
      { requiredKeys: [] },
    ),
    seccomp: fields.seccomp,
    appArmor: fields.appArmor,
    runAsNonRoot: fields.runAsNonRoot,
  },
  { requiredKeys: [] },
);

/** A profile with overrides written into it, by the plain rule: single keys of the four groups, everything else whole. */
export function rewritten(spec: GuardrailProfileSpec, by: GuardrailOverrides): GuardrailProfileSpec {
  return {
    ...spec,
    ...by,
    network: { ...spec.network, ...by.network },
    filesystem: { ...spec.filesystem, ...by.filesystem },
    capabilities: { ...spec.capabilities, ...by.capabilities },
    resources: { ...spec.resources, ...by.resources },
  };
}

const SECTIONS = [
  "enforcement",
  "network",
  "filesystem",
  "capabilities",
  "resources",
  "seccomp",
  "appArmor",
  "runAsNonRoot",
] as const;

/** Guardrails' sources of which the first is, more often than not, inside or just outside the second. */
export const neighbours: fc.Arbitrary<readonly [NamedProfile, NamedProfile]> = fc
  .tuple(profiles, overrides, fc.uniqueArray(fc.constantFrom(...SECTIONS), { maxLength: 2 }))
  .map(([profile, changes, kept]) => {
    const few = Object.fromEntries(kept.map((key) => [key, changes[key]]).filter(([, value]) => value !== undefined));
    return [{ ...profile, spec: rewritten(profile.spec, few) }, profile] as const;
  });
