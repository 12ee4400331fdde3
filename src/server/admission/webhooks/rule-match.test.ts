import { expect, it } from "@jest/globals";
import type { RuleWithOperations } from "./configuration.ts";
import { matchesRule, type RuleSubject } from "./rule-match.ts";

const pods = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };
const nodes = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };
const namespaces = { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false };
const deployments = { group: "apps", version: "v1", plural: "deployments", kind: "Deployment", namespaced: true };

const every: RuleWithOperations = {
  operations: ["*"],
  apiGroups: ["*"],
  apiVersions: ["*"],
  resources: ["*/*"],
  scope: "*",
};

const create = (definition: RuleSubject["definition"], subresource = ""): RuleSubject => ({
  operation: "CREATE",
  definition,
  subresource,
});

it.each<{ because: string; rule: Partial<RuleWithOperations>; subject: RuleSubject; want: boolean }>([
  { because: "stars match all", rule: {}, subject: create(pods), want: true },
  { because: "stars match all subresources", rule: {}, subject: create(pods, "status"), want: true },
  { because: "an operation is listed", rule: { operations: ["UPDATE", "CREATE"] }, subject: create(pods), want: true },
  { because: "an operation is not listed", rule: { operations: ["DELETE"] }, subject: create(pods), want: false },
  { because: "the core group is empty", rule: { apiGroups: [""] }, subject: create(pods), want: true },
  { because: "a group is another", rule: { apiGroups: ["apps"] }, subject: create(pods), want: false },
  { because: "a version is another", rule: { apiVersions: ["v1beta1"] }, subject: create(deployments), want: false },
  { because: "one star is no subresource", rule: { resources: ["*"] }, subject: create(pods), want: true },
  { because: "one star is no subresource", rule: { resources: ["*"] }, subject: create(pods, "status"), want: false },
  { because: "a name is no subresource", rule: { resources: ["pods"] }, subject: create(pods, "status"), want: false },
  {
    because: "a subresource is named",
    rule: { resources: ["pods/status"] },
    subject: create(pods, "status"),
    want: true,
  },
  { because: "a subresource is no object", rule: { resources: ["pods/status"] }, subject: create(pods), want: false },
  { because: "another is not", rule: { resources: ["pods/status"] }, subject: create(pods, "scale"), want: false },
  { because: "all of a resource", rule: { resources: ["pods/*"] }, subject: create(pods, "status"), want: true },
  { because: "the object is one of all", rule: { resources: ["pods/*"] }, subject: create(pods), want: true },
  {
    because: "of all resources one",
    rule: { resources: ["*/scale"] },
    subject: create(deployments, "scale"),
    want: true,
  },
  {
    because: "of all resources no other",
    rule: { resources: ["*/scale"] },
    subject: create(pods, "status"),
    want: false,
  },
  { because: "namespaced ones", rule: { scope: "Namespaced" }, subject: create(pods), want: true },
  { because: "namespaced ones", rule: { scope: "Namespaced" }, subject: create(nodes), want: false },
  { because: "cluster-scoped ones", rule: { scope: "Cluster" }, subject: create(nodes), want: true },
  { because: "cluster-scoped ones", rule: { scope: "Cluster" }, subject: create(pods), want: false },
  {
    because: "a namespace lies in no namespace",
    rule: { scope: "Namespaced" },
    subject: create(namespaces),
    want: false,
  },
])("matches: $because, $rule: $want", ({ rule, subject, want }) => {
  expect(matchesRule({ ...every, ...rule }, subject)).toBe(want);
});
