import { describe, expect, it } from "@jest/globals";
import type { Authorizer, RequestAttributes } from "../../access/access.ts";
import { CelAuthorizer } from "./authorizer-library.ts";
import { type ConditionOutcome, MatchConditions } from "./match-conditions.ts";

const asked: { username: string; attributes: RequestAttributes }[] = [];
const authorizer: Authorizer = {
  authorize({ username }, attributes) {
    asked.push({ username, attributes });
    return { allowed: username === "alice", reason: `because ${username}` };
  },
};

function evaluate(expressions: readonly string[], subject: { object?: unknown; oldObject?: unknown } = {}) {
  const conditions = new MatchConditions(expressions.map((expression, at) => ({ name: `c${at}`, expression })));
  return conditions.evaluate({
    object: subject.object ?? null,
    oldObject: subject.oldObject ?? null,
    request: {
      ...{ operation: "CREATE", name: "a", namespace: "b", dryRun: false },
      kind: { group: "", version: "v1", kind: "ConfigMap" },
      userInfo: { username: "alice", groups: ["x", "y"], extra: { key: ["value"] } },
      options: { kind: "CreateOptions" },
    },
    authorizer: new CelAuthorizer(
      authorizer,
      { username: "alice", groups: [] },
      {
        ...{ group: "", version: "v1", resource: "configmaps", subresource: "", namespace: "b", name: "a" },
      },
    ),
  });
}

it.each<{ expression: string; subject?: { object?: unknown; oldObject?: unknown }; want: boolean }>([
  { expression: "object.data.x == 'y'", subject: { object: { data: { x: "y" } } }, want: true },
  { expression: "object.count > 2", subject: { object: { count: 3 } }, want: true },
  { expression: "object == null && oldObject != null", subject: { oldObject: {} }, want: true },
  { expression: "has(object.data) && has(object.data.z)", subject: { object: { data: {} } }, want: false },
  { expression: "object.list.all(x, x > 1)", subject: { object: { list: [2, 3] } }, want: true },
  { expression: "object.?spec.?enabled.orValue(true)", subject: { object: {} }, want: true },
  { expression: "'x' in request.userInfo.groups", want: true },
  { expression: "request.userInfo.extra['key'][0] == 'value'", want: true },
  { expression: "request.kind.kind == 'ConfigMap' && request.kind.group == ''", want: true },
  { expression: "request.options.kind == 'CreateOptions'", want: true },
  { expression: "request.dryRun", want: false },
  { expression: "authorizer.path('/metrics').check('get').allowed()", want: true },
  {
    expression: "authorizer.serviceAccount('ns', 'sa').group('').resource('pods').check('list').allowed()",
    want: false,
  },
  { expression: "authorizer.requestResource.check('custom').reason() == 'because alice'", want: true },
])("$expression: $want", ({ expression, subject, want }) => {
  expect(evaluate([expression], subject ?? {})).toEqual({ matches: want });
});

it("asks for what was named", () => {
  asked.length = 0;
  evaluate([
    "authorizer.group('apps').resource('deployments').subresource('scale').namespace('n').name('d').check('update').allowed()",
    "!authorizer.serviceAccount('ns', 'sa').requestResource.check('get').allowed()",
  ]);
  expect(asked).toEqual([
    {
      username: "alice",
      attributes: {
        ...{ kind: "resource", verb: "update", group: "apps", version: "*", resource: "deployments" },
        ...{ subresource: "scale", namespace: "n", name: "d" },
      },
    },
    { username: "system:serviceaccount:ns:sa", attributes: expect.objectContaining({ resource: "configmaps" }) },
  ]);
});

describe("several conditions", () => {
  const FAILS = "expression 'object.x == 1' resulted in error: no such key: x";
  it.each<{ because: string; expressions: string[]; want: ConditionOutcome }>([
    { because: "none is no objection", expressions: [], want: { matches: true } },
    { because: "all must hold", expressions: ["true", "1 == 1"], want: { matches: true } },
    { because: "one that is false decides", expressions: ["object.x == 1", "false"], want: { matches: false } },
    {
      because: "one that another release stored is an error",
      expressions: ["gone.in.this.release"],
      want: { error: "expression 'gone.in.this.release' resulted in error: compilation failed" },
    },
    { because: "else an error counts", expressions: ["object.x == 1", "true"], want: { error: FAILS } },
  ])("$because", ({ expressions, want }) => {
    expect(evaluate(expressions, { object: {} })).toEqual(want);
  });
});

it("costs no more than a bound", () => {
  const list = Array.from({ length: 2000 }, (_, at) => at);
  const nested = "object.list.all(x, object.list.all(y, x + y >= 0))";
  const started = performance.now();
  expect(evaluate([nested], { object: { list } })).toEqual({ error: expect.stringContaining("cost budget") });
  expect(performance.now() - started).toBeLessThan(1000);
  expect(evaluate([nested], { object: { list: list.slice(0, 50) } })).toEqual({ matches: true });
});
