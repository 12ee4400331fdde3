import { describe, expect, it } from "@jest/globals";
import type { ApprovalPolicy, GuardrailProfile } from "../api/v1alpha1/index.ts";
import type { EffectiveSpec } from "../effective-spec/effective-spec.ts";
import { reviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { builtInProfile } from "../guardrails/built-in.ts";
import { effectiveGuardrails, type GuardrailOverrides } from "../guardrails/effective-guardrails.ts";
import { type Rule, type Subject, triggersOf } from "./triggers.ts";

const guardrails = (name: "standard" | "unrestricted", overrides: GuardrailOverrides = {}) =>
  effectiveGuardrails(builtInProfile(name), overrides);

const ordinary: EffectiveSpec = {
  backend: "docker",
  source: { kind: "image", reference: "ghcr.io/acme/files:1", pullPolicy: "IfNotPresent", pullSecret: undefined },
  command: undefined,
  args: undefined,
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  guardrails: guardrails("standard"),
  limits: { cpuMillis: 500, memoryBytes: 512 * 1024 ** 2, pids: 100 },
  limitNotes: [],
  env: [],
  envFrom: [],
  volumes: [],
  restartPolicy: "Always",
  scaling: undefined,
  visibility: undefined,
  reachNotes: [],
  desiredState: "Running",
  health: { probe: "mcp", path: "/mcp", periodMs: 30_000, timeoutMs: 5000, failureThreshold: 3 },
};
const git: EffectiveSpec["source"] = {
  ...{ kind: "git", url: "https://git.test/a", revision: "main", contextDir: "", dockerfile: "Dockerfile" },
  ...{ buildArgs: {}, credentialsSecret: undefined, push: undefined, timeoutSeconds: 600, rebuild: "" },
};

const subject = (patch: Partial<EffectiveSpec> = {}, given: Partial<Subject> = {}): Subject => {
  const spec = { ...ordinary, ...patch };
  return {
    spec,
    reviewed: reviewedSpec(spec, { image: undefined, configMaps: [] }),
    namespace: { name: "team-a", labels: { tier: "gold" } },
    profile: (name) => builtInProfile(name) as GuardrailProfile | undefined,
    ...given,
  };
};

const policy = (rules: readonly Rule[], spec: Partial<ApprovalPolicy["spec"]> = {}): ApprovalPolicy => ({
  apiVersion: "slipway.dev/v1alpha1",
  kind: "ApprovalPolicy",
  metadata: { name: "p", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {
    namespaceSelector: {},
    rules: [...rules],
    approvers: { users: ["ann"], required: 1 },
    requesterMayApprove: false,
    serviceAccountRequests: "TwoApprovers",
    timeoutHours: 48,
    onChange: "KeepRunning",
    ...spec,
  },
});
const messageOf = (rule: Omit<Rule, "name">, asked = subject()) =>
  triggersOf([policy([{ name: "r", ...rule }])], asked)[0]?.message;

describe("a rule", () => {
  it.each<{ because: string; rule: Omit<Rule, "name">; asked?: Subject; want: string | RegExp }>([
    { because: "it comes from such a source", rule: { sourceTypes: ["git", "image"] }, want: "source type image" },
    {
      because: "it is built",
      rule: { sourceTypes: ["git"] },
      asked: subject({ source: git }),
      want: "source type git",
    },
    {
      because: "it is from elsewhere",
      rule: { registryNotIn: ["docker.io"] },
      want: "image ghcr.io/acme/files is not from docker.io",
    },
    {
      because: "what is built is from no registry",
      rule: { registryNotIn: ["ghcr.io"] },
      asked: subject({ source: git }),
      want: /built from https:\/\/git.test\/a/,
    },
    { because: "it names the profile", rule: { profiles: ["standard"] }, want: "GuardrailProfile standard" },
    {
      because: "its profile is wider",
      rule: { weakerThan: "standard" },
      asked: subject({ guardrails: guardrails("unrestricted") }),
      want: /^guardrails are weaker than GuardrailProfile standard: /,
    },
    {
      because: "an override is wider, whatever the profile is called",
      rule: { weakerThan: "standard" },
      asked: subject({ guardrails: guardrails("standard", { filesystem: { readOnlyRoot: false } }) }),
      want: "guardrails are weaker than GuardrailProfile standard: filesystem.readOnlyRoot: false (there: true)",
    },
    {
      because: "nobody knows the profile to compare with",
      rule: { weakerThan: "gone" },
      want: /GuardrailProfile gone does not exist/,
    },
    {
      because: "the profile to compare with cannot be read",
      rule: { weakerThan: "odd" },
      asked: subject(
        {},
        {
          profile: () => {
            const { spec } = builtInProfile("standard");
            const odd = { ...spec, network: { egressAllowed: true, allowedHosts: ["a b"] } };
            return { ...builtInProfile("standard"), spec: odd } as unknown as GuardrailProfile;
          },
        },
      ),
      want: /cannot be compared: .*allowedHosts/,
    },
    { because: "it runs there", rule: { backends: ["other", "docker"] }, want: "RuntimeBackend docker" },
    { because: "more CPU", rule: { cpuAbove: "499m" }, want: "CPU 500m is more than 499m" },
    { because: "more memory", rule: { memoryAbove: "511Mi" }, want: "memory 512Mi is more than 511Mi" },
    {
      because: "all instances count together",
      rule: { cpuAbove: 1 },
      asked: subject({ scaling: { min: 1, max: 3, concurrency: 10 } }),
      want: "CPU 1500m in 3 instances is more than 1",
    },
    {
      because: "memory of all instances, too",
      rule: { memoryAbove: "1Gi" },
      asked: subject({ scaling: { min: 0, max: 3, concurrency: 10 } }),
      want: "memory 1536Mi in 3 instances is more than 1Gi",
    },
    { because: "a threshold that is none", rule: { cpuAbove: "few" }, want: /^cannot be compared: cpuAbove: few/ },
    { because: "the expression is true", rule: { cel: "effective.backend == 'docker'" }, want: "cel is true" },
    { because: "the expression is none", rule: { cel: "effective ==" }, want: /^cel cannot be evaluated: / },
    { because: "nothing in it is known to this release", rule: {}, want: /names nothing that this release knows/ },
    {
      because: "a member of it is a newer release's",
      rule: { hostNetwork: true } as Omit<Rule, "name">,
      want: /this release does not know hostNetwork/,
    },
    {
      because: "any member suffices, and each that matches is told",
      rule: { backends: ["docker"], profiles: ["none"], cpuAbove: 9, sourceTypes: ["image"] },
      want: "RuntimeBackend docker; source type image",
    },
  ])("asks for approval: $because", ({ rule, asked, want }) => {
    const message = messageOf(rule, asked);
    expect(message).toEqual(typeof want === "string" ? want : expect.stringMatching(want));
  });

  it.each<{ because: string; rule: Omit<Rule, "name">; asked?: Subject }>([
    { because: "another source", rule: { sourceTypes: ["git"] } },
    { because: "a registry of the list", rule: { registryNotIn: ["docker.io", "ghcr.io/acme"] } },
    { because: "another profile", rule: { profiles: ["unrestricted"] } },
    { because: "guardrails are the profile's", rule: { weakerThan: "standard" } },
    { because: "they are narrower", rule: { weakerThan: "unrestricted" } },
    {
      because: "the server's own port is no further one",
      rule: { weakerThan: "standard" },
      asked: subject({
        guardrails: { ...guardrails("standard"), network: { ...guardrails("standard").network, transportPort: 3000 } },
      }),
    },
    { because: "another backend", rule: { backends: ["code-engine"] } },
    { because: "as much CPU as the threshold", rule: { cpuAbove: "500m" } },
    { because: "as much memory as the threshold", rule: { memoryAbove: "0.5Gi" } },
    {
      because: "one instance counts once",
      rule: { cpuAbove: "500m" },
      asked: subject({ scaling: { min: 0, max: 1, concurrency: 1 } }),
    },
    { because: "the expression is false", rule: { cel: "effective.resources.pids > 100" } },
    { because: "no member matches", rule: { backends: ["x"], profiles: ["x"], cpuAbove: 9 } },
  ])("asks for none: $because", ({ rule, asked }) => {
    expect(messageOf(rule, asked)).toBeUndefined();
  });

  it("says no more than an Approval holds", () => {
    const reference = `ghcr.io/acme/${"𝒳".repeat(4000)}`;
    const source = { kind: "image", reference, pullPolicy: "Always", pullSecret: undefined } as const;
    const message = messageOf({ registryNotIn: ["ghcr.io"] }, subject({ source })) ?? "";
    expect(message.length).toBeLessThanOrEqual(4096);
    expect(message.isWellFormed()).toBe(true);
  });
});

describe("policies", () => {
  const all: Rule = { name: "all", sourceTypes: ["image", "git"] };

  it.each<{ because: string; selector: ApprovalPolicy["spec"]["namespaceSelector"]; want: boolean }>([
    { because: "an empty selector selects all", selector: {}, want: true },
    { because: "the label is so", selector: { matchLabels: { tier: "gold" } }, want: true },
    { because: "the label is another", selector: { matchLabels: { tier: "tin" } }, want: false },
    {
      because: "every namespace has a label with its name",
      selector: { matchLabels: { "kubernetes.io/metadata.name": "team-a" } },
      want: true,
    },
    {
      because: "In",
      selector: { matchExpressions: [{ key: "tier", operator: "In", values: ["gold", "tin"] }] },
      want: true,
    },
    {
      because: "In needs the label",
      selector: { matchExpressions: [{ key: "x", operator: "In", values: ["gold"] }] },
      want: false,
    },
    {
      because: "NotIn",
      selector: { matchExpressions: [{ key: "tier", operator: "NotIn", values: ["gold"] }] },
      want: false,
    },
    {
      because: "NotIn holds without the label",
      selector: { matchExpressions: [{ key: "x", operator: "NotIn", values: ["gold"] }] },
      want: true,
    },
    { because: "Exists", selector: { matchExpressions: [{ key: "tier", operator: "Exists" }] }, want: true },
    {
      because: "DoesNotExist",
      selector: { matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] },
      want: false,
    },
    {
      because: "all must match",
      selector: { matchLabels: { tier: "gold" }, matchExpressions: [{ key: "x", operator: "Exists" }] },
      want: false,
    },
    {
      because: "no label is inherited from every object",
      selector: { matchExpressions: [{ key: "constructor", operator: "Exists" }] },
      want: false,
    },
    {
      because: "a key is none, so that nobody knows whom it means",
      selector: { matchLabels: { "no key": "x" } },
      want: true,
    },
    { because: "a value is none", selector: { matchLabels: { tier: "no value" } }, want: true },
    { because: "In has no values", selector: { matchExpressions: [{ key: "x", operator: "In" }] }, want: true },
    {
      because: "an operator is none",
      selector: { matchExpressions: [{ key: "x", operator: "Gt" as "In", values: ["1"] }] },
      want: true,
    },
  ])("concern a namespace or not: $because", ({ selector, want }) => {
    expect(triggersOf([policy([all], { namespaceSelector: selector })], subject()).length > 0).toBe(want);
  });

  it("are all asked, rule by rule", () => {
    const [first, second] = [
      policy([all, { name: "none", backends: ["x"] }, { ...all, name: "again" }]),
      policy([all]),
    ];
    const found = triggersOf([first, second], subject());
    expect(found.map(({ rule }) => rule)).toEqual(["all", "again", "all"]);
    expect(found.map(({ policy }) => policy)).toEqual([first, first, second]);
    expect(triggersOf([], subject())).toEqual([]);
  });
});
