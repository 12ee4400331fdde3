import { describe, expect, it } from "@jest/globals";
import { STANDARD_READINESS } from "../backends/platform-probe.ts";
import { builtInProfile } from "../guardrails/built-in.ts";
import { effectiveGuardrails, type GuardrailOverrides } from "../guardrails/effective-guardrails.ts";
import type { EffectiveSpec } from "./effective-spec.ts";
import type { Resolved } from "./references.ts";
import { needsHashKey, type WorkloadInput, workloadSpec } from "./workload.ts";

const guardrails = effectiveGuardrails(builtInProfile("unrestricted"));
const spec: EffectiveSpec = {
  backend: "docker",
  source: { kind: "image", reference: "files:1", pullPolicy: "IfNotPresent", pullSecret: undefined },
  command: undefined,
  args: ["--fast"],
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  guardrails,
  limits: { cpuMillis: 500, memoryBytes: 1024, pids: 10 },
  scaling: undefined,
  visibility: undefined,
  reachNotes: [],
  limitNotes: [],
  env: [],
  envFrom: [],
  volumes: [],
  restartPolicy: "Always",
  desiredState: "Running",
  health: { probe: "mcp", path: "/mcp", periodMs: 1, timeoutMs: 1, failureThreshold: 1 },
};
const under = (overrides: GuardrailOverrides): EffectiveSpec => ({
  ...spec,
  guardrails: effectiveGuardrails(builtInProfile("unrestricted"), overrides),
});
const files = (text: string, secret: boolean): Resolved["mounts"] => [
  { name: "s", path: "/s", readOnly: true, kind: "files", secret, files: { a: Buffer.from(text) } },
];
type Patch = Partial<Omit<WorkloadInput, "resolved">> & { resolved?: Partial<Resolved> };
const input = (patch: Patch = {}): WorkloadInput => ({
  owner: { uid: "u", namespace: "n", name: "d" },
  generation: 1,
  spec,
  image: { pinned: "files@sha256:1" },
  hashKey: Buffer.from("key"),
  ...patch,
  resolved: {
    env: { A: "1" },
    secretVariables: new Set(),
    mounts: [],
    dockerConfig: undefined,
    seccompProfile: undefined,
    ...patch.resolved,
  },
});
const hash = (patch: Patch = {}) => workloadSpec(input(patch)).hash;

describe("the workload hash", () => {
  it("is forty hexadecimal digits, and always the same", () => {
    // Another value here means that every container of every installation is replaced by an upgrade.
    expect(hash()).toBe("c47f661973fa3314f2724fc15e7d92b2a66d6c9f");
    expect(hash()).toMatch(/^[0-9a-f]{40}$/);
    const scaling = { min: 0, max: 3, concurrency: 100 };
    expect(hash({ spec: { ...spec, scaling, visibility: "public" } })).toBe("ec9b2405b5b13f2dcac68517f4f7700fa9e6edfb");
  });

  it.each<{ because: string; patch: Patch }>([
    { because: "the generation", patch: { generation: 9 } },
    { because: "how it is probed", patch: { spec: { ...spec, health: { ...spec.health, periodMs: 5 } } } },
    { because: "the credentials for the pull", patch: { resolved: { dockerConfig: "{}" } } },
    { because: "whether it should run", patch: { spec: { ...spec, desiredState: "Stopped" } } },
    { because: "the path of the endpoint", patch: { spec: { ...spec, transport: { ...spec.transport, path: "/x" } } } },
    { because: "the key, where nothing is secret", patch: { hashKey: undefined } },
    { because: "a maximum that the limits stay below", patch: { spec: under({ resources: { maxCpu: 4 } }) } },
    { because: "the name of the profile", patch: { spec: { ...spec, guardrails: { ...guardrails, profile: "x" } } } },
    { because: "where a limit comes from", patch: { spec: { ...spec, limitNotes: ["cpu: 1, the default"] } } },
    { because: "whether a lack would be refused", patch: { spec: under({ enforcement: "Strict" }) } },
  ])("does not depend on $because", ({ patch }) => {
    expect(hash(patch)).toBe(hash());
  });

  it.each<{ because: string; patch: Patch }>([
    { because: "the image", patch: { image: { pinned: "files@sha256:2" } } },
    { because: "a value", patch: { resolved: { env: { A: "2" } } } },
    { because: "the arguments", patch: { spec: { ...spec, args: ["--slow"] } } },
    { because: "a limit", patch: { spec: { ...spec, limits: { ...spec.limits, pids: 11 } } } },
    { because: "the port", patch: { spec: { ...spec, transport: { ...spec.transport, port: 1 } } } },
    { because: "a file", patch: { resolved: { mounts: files("x", false) } } },
    { because: "the restart policy", patch: { spec: { ...spec, restartPolicy: "Never" } } },
    { because: "what it may reach", patch: { spec: under({ network: { allowedHosts: ["a.test"] } }) } },
    { because: "what may reach it", patch: { spec: under({ network: { ingressPorts: [1] } }) } },
    { because: "its root", patch: { spec: under({ filesystem: { readOnlyRoot: true } }) } },
    { because: "its capabilities", patch: { spec: under({ capabilities: { add: ["SYS_TIME"] } }) } },
    { because: "its filter", patch: { spec: under({ seccomp: { type: "RuntimeDefault" } }) } },
    { because: "its AppArmor profile", patch: { spec: under({ appArmor: { type: "Localhost", name: "x" } }) } },
    { because: "how many there are", patch: { spec: { ...spec, scaling: { min: 0, max: 1, concurrency: 1 } } } },
    { because: "what the place asks it", patch: { spec: { ...spec, liveness: STANDARD_READINESS } } },
    { because: "whether it may be root", patch: { spec: under({ runAsNonRoot: true }) } },
  ])("depends on $because", ({ patch }) => {
    expect(hash(patch)).not.toBe(hash());
  });

  it("has a part that does not depend on who reaches it", () => {
    const made = (of: EffectiveSpec) => workloadSpec(input({ spec: of }));
    const open = made({ ...spec, visibility: "public" });
    expect(made(spec).processHash).toBe(made(spec).hash);
    expect(open.hash).not.toBe(made(spec).hash);
    expect(open.processHash).toBe(made(spec).hash);
    expect(made({ ...spec, visibility: "public", args: ["--slow"] }).processHash).not.toBe(open.processHash);
  });

  it("changes with the text of the seccomp profile, wherever it stands", () => {
    const own = under({ seccomp: { type: "ConfigMap", namespace: "n", name: "c", key: "k" } });
    const moved = under({ seccomp: { type: "ConfigMap", namespace: "n", name: "c2", key: "k" } });
    const made = (of: EffectiveSpec, seccompProfile: string) => hash({ spec: of, resolved: { seccompProfile } });
    expect(made(own, "{}")).toBe(made(moved, "{}"));
    expect(made(own, "{}")).not.toBe(made(own, '{"defaultAction":"SCMP_ACT_ERRNO"}'));
  });

  it("changes with a secret value, and with the key", () => {
    const secret = (value: string, key = "key") =>
      hash({ hashKey: Buffer.from(key), resolved: { env: { A: value }, secretVariables: new Set(["A"]) } });
    const file = (value: string, key = "key") =>
      hash({ hashKey: Buffer.from(key), resolved: { mounts: files(value, true) } });
    for (const digest of [secret, file]) {
      expect(digest("1")).toBe(digest("1"));
      expect(digest("1")).not.toBe(digest("2"));
      expect(digest("1")).not.toBe(digest("1", "another"));
    }
    expect(secret("1")).not.toBe(hash());
  });

  it("needs the key for secret values only", () => {
    expect(needsHashKey(input().resolved)).toBe(false);
    expect(needsHashKey(input({ resolved: { mounts: files("x", false) } }).resolved)).toBe(false);
    expect(needsHashKey(input({ resolved: { mounts: files("x", true) } }).resolved)).toBe(true);
    expect(() => hash({ hashKey: undefined, resolved: { mounts: files("x", true) } })).toThrow(/key/);
  });
});
