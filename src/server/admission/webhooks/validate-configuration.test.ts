import { describe, expect, it } from "@jest/globals";
import type { Webhook } from "./configuration.ts";
import { webhookErrors } from "./validate-configuration.ts";

const valid = {
  name: "a.example.com",
  clientConfig: { url: "https://example.com/x" },
  rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], scope: "*" }],
  failurePolicy: "Fail",
  matchPolicy: "Equivalent",
  sideEffects: "None",
  timeoutSeconds: 10,
  admissionReviewVersions: ["v1"],
} as const;

function errorsOf(change: object): string[] {
  const webhook = { ...valid, ...change } as unknown as Partial<Webhook>;
  return webhookErrors([webhook]).map(({ path, message }) => `${path}: ${message}`.replace("webhooks[0].", ""));
}

const rule = (change: object) => ({ rules: [{ ...valid.rules[0], ...change }] });
const url = (text: string) => ({ clientConfig: { url: text } });
const service = (change: object) => ({
  clientConfig: { service: { namespace: "a", name: "b", port: 443, ...change } },
});
const FORM = "; desired format: https://host[/path]";

describe("a webhook", () => {
  it.each<{ change: object; want: string[] }>([
    { change: {}, want: [] },
    { change: { name: "" }, want: ["name: Required value"] },
    {
      change: { name: "a.b" },
      want: ['name: Invalid value: "a.b": should be a domain with at least three segments separated by dots'],
    },
    {
      change: { failurePolicy: "Maybe" },
      want: ['failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"'],
    },
    {
      change: { matchPolicy: "" },
      want: ['matchPolicy: Unsupported value: "": supported values: "Equivalent", "Exact"'],
    },
    {
      change: { sideEffects: "Some" },
      want: ['sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"'],
    },
    {
      change: { sideEffects: undefined },
      want: ["sideEffects: Required value: must specify one of None, NoneOnDryRun"],
    },
    {
      change: { reinvocationPolicy: "Often" },
      want: ['reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"'],
    },
    {
      change: { timeoutSeconds: 31 },
      want: ["timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"],
    },
    {
      change: { timeoutSeconds: 0 },
      want: ["timeoutSeconds: Invalid value: 0: the timeout value must be between 1 and 30 seconds"],
    },
    {
      change: { admissionReviewVersions: [] },
      want: ["admissionReviewVersions: Required value: must specify one of v1, v1beta1"],
    },
    {
      change: { admissionReviewVersions: ["v2", "v2"] },
      want: [
        'admissionReviewVersions[1]: Invalid value: "v2": duplicate version',
        'admissionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1',
      ],
    },
    {
      change: { namespaceSelector: { matchExpressions: [{ key: "a", operator: "Is" }] } },
      want: ['namespaceSelector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator'],
    },
    {
      change: { objectSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
      want: [
        "objectSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      ],
    },
    { change: rule({ operations: [] }), want: ["rules[0].operations: Required value"] },
    {
      change: rule({ operations: ["*", "CREATE"] }),
      want: [
        `rules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
      ],
    },
    {
      change: rule({ operations: ["PATCH"] }),
      want: [
        'rules[0].operations[0]: Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
      ],
    },
    { change: rule({ apiGroups: [] }), want: ["rules[0].apiGroups: Required value"] },
    { change: rule({ apiVersions: [""] }), want: ["rules[0].apiVersions[0]: Required value"] },
    { change: rule({ resources: [] }), want: ["rules[0].resources: Required value"] },
    { change: rule({ resources: [""] }), want: ["rules[0].resources[0]: Required value"] },
    {
      change: rule({ resources: ["pods/*", "pods/status"] }),
      want: [
        `rules[0].resources[1]: Invalid value: "pods/status": if 'pods/*' is present, must not specify pods/status`,
      ],
    },
    {
      change: rule({ resources: ["*", "pods"] }),
      want: [
        `rules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`,
      ],
    },
    {
      change: rule({ resources: ["*/*", "a/b"] }),
      want: [`rules[0].resources: Invalid value: ["*/*","a/b"]: if '*/*' is present, must not specify other resources`],
    },
    {
      change: rule({ scope: "Here" }),
      want: ['rules[0].scope: Unsupported value: "Here": supported values: "*", "Cluster", "Namespaced"'],
    },
    { change: { clientConfig: {} }, want: ["clientConfig: Required value: exactly one of url or service is required"] },
    {
      change: { clientConfig: undefined },
      want: ["clientConfig: Required value: exactly one of url or service is required"],
    },
    {
      change: url("http://example.com"),
      want: [`clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme${FORM}`],
    },
    { change: url("https:///x"), want: [`clientConfig.url: Invalid value: "": host must be provided${FORM}`] },
    {
      change: url("https://user:secret@example.com"),
      want: ['clientConfig.url: Invalid value: "user:secret": user information is not permitted in the URL'],
    },
    {
      change: url("https://example.com/a?b=c#d"),
      want: [
        'clientConfig.url: Invalid value: "d": fragments are not permitted in the URL',
        'clientConfig.url: Invalid value: "b=c": query parameters are not permitted in the URL',
      ],
    },
    { change: url("https://[::1]:6443/x"), want: [] },
    { change: service({}), want: [] },
    { change: service({ path: "/a/b" }), want: [] },
    {
      change: service({ name: "", namespace: "" }),
      want: [
        "clientConfig.service.name: Required value: service name is required",
        "clientConfig.service.namespace: Required value: service namespace is required",
      ],
    },
    {
      change: service({ port: 0 }),
      want: ["clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive"],
    },
    {
      change: service({ path: "/a//b" }),
      want: ['clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty'],
    },
    { change: { clientConfig: { url: "https://a.b", caBundle: "Cg==" } }, want: [] },
  ])("is judged: $change", ({ change, want }) => {
    expect(errorsOf(change)).toEqual(want);
  });

  it("has a name of its own", () => {
    expect(webhookErrors([valid, valid] as unknown as Webhook[])).toEqual([
      { type: "FieldValueDuplicate", path: "webhooks[1].name", message: 'Duplicate value: "a.example.com"' },
    ]);
  });
});

describe("a match condition", () => {
  const conditions = (...list: object[]) => ({ matchConditions: list });
  it.each<{ because: string; change: object; want: string[] }>([
    { because: "it is one", change: conditions({ name: "a", expression: "object.x == 1" }), want: [] },
    { because: "of the request", change: conditions({ name: "a", expression: "request.name == 'a'" }), want: [] },
    {
      because: "of nothing there is",
      change: conditions({ name: "a", expression: "nothing == 1" }),
      want: [
        "matchConditions[0].expression: Invalid value: \"nothing == 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'nothing' (in container '')\n | nothing == 1\n | ^",
      ],
    },
    {
      because: "of a field that the request has not",
      change: conditions({ name: "a", expression: "request.nothing == 1" }),
      want: [expect.stringContaining("undefined field 'nothing'") as unknown as string],
    },
    {
      because: "it is no question",
      change: conditions({ name: "a", expression: "'a'" }),
      want: ["matchConditions[0].expression: Invalid value: \"'a'\": must evaluate to bool"],
    },
    {
      because: "it may be anything",
      change: conditions({ name: "a", expression: "object.spec.enabled" }),
      want: ['matchConditions[0].expression: Invalid value: "object.spec.enabled": must evaluate to bool'],
    },
    {
      because: "nothing is said",
      change: conditions({}),
      want: ["matchConditions[0].expression: Required value", "matchConditions[0].name: Required value"],
    },
    {
      because: "names are taken once",
      change: conditions({ name: "a", expression: "true" }, { name: "a", expression: "true" }),
      want: ['matchConditions[1].name: Duplicate value: "a"'],
    },
    {
      because: "there are too many",
      change: conditions(...Array.from({ length: 65 }, (_, at) => ({ name: `c${at}`, expression: "true" }))),
      want: ["matchConditions: Too many: 65: must have at most 64 items"],
    },
  ])("$because", ({ change, want }) => {
    expect(errorsOf(change)).toEqual(want);
  });

  it("that is stored may stay", () => {
    const old = [{ ...valid, matchConditions: [{ name: "a", expression: "gone.in.this.release" }] }];
    const next = [{ ...old[0], timeoutSeconds: 5 }];
    expect(webhookErrors(next as unknown as Webhook[], old as unknown as Webhook[])).toEqual([]);
    expect(webhookErrors(next as unknown as Webhook[])).toHaveLength(1);
  });
});
