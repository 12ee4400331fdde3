import { describe, expect, it } from "@jest/globals";
import type { ApprovalPolicy } from "../api/v1alpha1/index.ts";
import { policyProblems } from "./policy-problems.ts";
import type { Rule } from "./triggers.ts";

const problems = (rule: Omit<Rule, "name">, namespaceSelector: ApprovalPolicy["spec"]["namespaceSelector"] = {}) =>
  policyProblems({
    spec: {
      namespaceSelector,
      rules: [
        { name: "sound", backends: ["docker"] },
        { name: "r", ...rule },
      ],
      approvers: { users: ["ann"], required: 1 },
      requesterMayApprove: false,
      serviceAccountRequests: "TwoApprovers",
      timeoutHours: 48,
      onChange: "KeepRunning",
    },
  });

describe("policyProblems", () => {
  it.each<{ because: string; rule: Omit<Rule, "name">; path: string; message: RegExp }>([
    { because: "no expression", rule: { cel: "effective." }, path: "cel", message: /Syntax error/ },
    { because: "another variable", rule: { cel: "self.x" }, path: "cel", message: /undeclared reference to 'self'/ },
    { because: "a text", rule: { cel: "'x'" }, path: "cel", message: /neither true nor false/ },
    { because: "no such member", rule: { cel: "effective.images == 'x'" }, path: "cel", message: /no member images/ },
    { because: "no quantity", rule: { cpuAbove: "few" }, path: "cpuAbove", message: /not a quantity/ },
    { because: "nothing at all", rule: { cpuAbove: "0" }, path: "cpuAbove", message: /greater than zero/ },
    { because: "milli-bytes", rule: { memoryAbove: "1m" }, path: "memoryAbove", message: /milli-bytes/ },
    {
      because: "no registry",
      rule: { registryNotIn: ["ghcr.io", "mcp"] },
      path: "registryNotIn[1]",
      message: /docker\.io\/mcp/,
    },
    { because: "nobody", rule: { profiles: [] }, path: "profiles", message: /is empty/ },
    { because: "no source", rule: { sourceTypes: [] }, path: "sourceTypes", message: /is empty/ },
    { because: "no backend", rule: { backends: [] }, path: "backends", message: /is empty/ },
  ])("tells where and what: $because", ({ rule, path, message }) => {
    expect(problems(rule)).toEqual([{ path: `spec.rules[1].${path}`, message: expect.stringMatching(message) }]);
  });

  it.each<{ because: string; selector: ApprovalPolicy["spec"]["namespaceSelector"]; path: string }>([
    { because: "a key", selector: { matchLabels: { "a b": "" } }, path: "matchLabels" },
    { because: "a value", selector: { matchLabels: { a: "b c" } }, path: "matchLabels" },
    {
      because: "another key",
      selector: { matchExpressions: [{ key: "-", operator: "Exists" }] },
      path: "matchExpressions[0].key",
    },
    {
      because: "another value",
      selector: { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] },
      path: "matchExpressions[0].values",
    },
    {
      because: "values",
      selector: { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] },
      path: "matchExpressions[0].operator",
    },
  ])("tells what Kubernetes would refuse of a selector: $because", ({ selector, path }) => {
    expect(problems({ backends: ["docker"] }, selector).map((problem) => problem.path)).toContain(
      `spec.namespaceSelector.${path}`,
    );
  });

  it("has nothing against what can be evaluated", () => {
    const rule: Omit<Rule, "name"> = {
      sourceTypes: ["git"],
      registryNotIn: ["docker.io/library", "docker.io/mcp"],
      profiles: ["unrestricted"],
      weakerThan: "standard",
      backends: ["code-engine"],
      cpuAbove: 2,
      memoryAbove: "1Gi",
      cel: "has(effective.volumes) && effective.volumes.exists(v, has(v.hostPath))",
    };
    expect(problems(rule, { matchLabels: { "team.test/tier": "" } })).toEqual([]);
    expect(problems({ registryNotIn: [] })).toEqual([]);
  });
});
