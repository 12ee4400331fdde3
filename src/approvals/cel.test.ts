import { describe, expect, it } from "@jest/globals";
import { PLAIN_REVIEWED_SPEC } from "../../test/support/plain-reviewed-spec.ts";
import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { celMatch, celProblem, effectiveForCel } from "./cel.ts";

const reviewed: ReviewedSpec = {
  ...PLAIN_REVIEWED_SPEC,
  source: { image: { reference: "ghcr.io/acme/files:1", pullPolicy: "IfNotPresent" } },
  image: `ghcr.io/acme/files@sha256:${"a".repeat(64)}`,
  guardrails: {
    ...PLAIN_REVIEWED_SPEC.guardrails,
    network: { egressAllowed: true, allowedHosts: ["api.test"] },
  },
  env: [
    { name: "MODE", value: "write" },
    { name: "TOKEN", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
  ],
  volumes: [{ name: "h", mountPath: "/h", readOnly: true, hostPath: { path: "/srv" } }],
};
const match = (text: string, patch: Partial<ReviewedSpec> = {}) =>
  celMatch(text, effectiveForCel({ ...reviewed, ...patch }));

describe("celMatch", () => {
  it.each([
    "effective.backend == 'docker'",
    "effective.transport.port == 8080",
    "effective.volumes.exists(v, has(v.hostPath))",
    "effective.env.exists(e, e.name == 'MODE' && e.value == 'write')",
    "effective.image.startsWith('ghcr.io/')",
    "effective.image.matches('^ghcr[.]io/acme/')",
    "quantity(effective.resources.memory).isGreaterThan(quantity('256Mi')) && effective.guardrails.network.egressAllowed",
    "!has(effective.args)",
    "effective.?args.orValue([]).size() == 0",
    "sets.contains(['api.test', 'b.test'], effective.guardrails.network.allowedHosts)",
    "'image' in effective.source",
  ])("asks for approval where %s", (text) => {
    expect(celProblem(text)).toBeUndefined();
    expect(match(text)).toBe("cel is true");
  });

  it.each([
    "effective.backend == 'code-engine'",
    "has(effective.source.git)",
    "effective.env.exists(e, e.name == 'NONE')",
    "effective.volumes.exists(v, v == {'name': 'h'})",
  ])("asks for none where %s is false", (text) => {
    expect(match(text)).toBeUndefined();
  });

  it("sees no member that is not the spec's own", () => {
    expect(match("has(effective.source.constructor) || 'toString' in effective.source")).toBeUndefined();
    const args = JSON.parse('{"__proto__": "x"}');
    const git = { url: "u", dockerfile: "d", timeoutSeconds: 1, buildArgs: args };
    expect(match("'__proto__' in effective.source.git.buildArgs", { source: { git } })).toBe("cel is true");
  });

  it.each([
    { because: "it does not parse", text: "effective.", says: /Syntax error/ },
    { because: "a variable is not known", text: "spec.backend == 'x'", says: /undeclared reference to 'spec'/ },
    { because: "it gives a text", text: "effective.backend + 'x'", says: /string, neither true nor false/ },
    { because: "it gives a number", text: "1", says: /int, neither true nor false/ },
    { because: "types do not fit", text: "1 == 'a'", says: /overload/ },
    { because: "the spec has no such member", text: "effective.guardrail.profile == 'x'", says: /no member guardrail/ },
    { because: "an expression is none", text: "effective.image.matches('(')", says: /./, late: true },
    { because: "the member is not there", text: "effective.args.size() > 0", says: /No such key: args/, late: true },
    { because: "it divides by zero", text: "effective.resources.pids / 0 == 1", says: /zero/, late: true },
    {
      because: "it gives what the spec has, a text",
      text: "effective.backend",
      says: /neither true nor false/,
      late: true,
    },
    {
      because: "a quantity is none",
      text: "isQuantity('1') && quantity(effective.backend).isInteger()",
      says: /quantities/,
      late: true,
    },
    { because: "types do not fit when it runs", text: "effective.backend > 1", says: /overload/, late: true },
  ])("asks for approval, and says why, where $because", ({ text, says, late }) => {
    expect(match(text)).toMatch(/^cel cannot be evaluated: /);
    expect(match(text)).toMatch(says);
    expect(celProblem(text) === undefined).toBe(late === true);
  });
});

describe("what takes too long", () => {
  const long = "a".repeat(100_000);
  const many = Array.from({ length: 256 }, (_, at) => ({ name: `E${at}`, value: "x".repeat(40) }));
  const nested = (depth: number, body: string): string =>
    depth === 0 ? body : `effective.env.exists(v${depth}, ${nested(depth - 1, body)})`;

  it.each([
    { because: "lists within lists within lists", text: nested(5, "v1.name == v2.name && false") },
    { because: "a text that doubles", text: doubling(25) },
    {
      because: "an expression that repeats",
      text: "effective.image.matches('(((a{10}){10}){10}b)*c') && effective.env.exists(a, effective.env.exists(b, a.value.matches('(((a{10}){10}){10}b)*c')))",
    },
  ])("is refused when it is written: $because", ({ text }) => {
    expect(celProblem(text)).toContain("too many steps");
    expect(match(text)).toContain("too many steps");
  });

  it.each([
    {
      because: "a list that is long today",
      text: nested(3, "v1.name == 'none' && v2.name == v3.name"),
      patch: { env: many },
    },
    {
      because: "a text in many parts",
      text: "effective.args[0].split(',').exists(a, effective.args[0].split(',').exists(b, a == b))",
      patch: { args: [long] },
    },
    {
      because: "cel-js reads a duration in cubic time",
      text: "duration(effective.args[0]) > duration('1s')",
      patch: { args: ["1".repeat(10_000)] },
    },
    {
      because: "a text that is replaced by itself",
      text: "effective.args[0].replace('a', effective.args[0]).size() > 1",
      patch: { args: [long] },
    },
    {
      because: "a text that is joined by itself",
      text: "effective.args[0].split('').join(effective.args[0]).size() > 1",
      patch: { args: [long] },
    },
  ])("is not run: $because", ({ text, patch }) => {
    expect(celProblem(text)).toBeUndefined();
    expect(match(text, patch)).toContain("too many steps");
  });

  it("leaves what is long elsewhere out of account", () => {
    const configMaps = [{ namespace: "n", name: "c", data: { long: "x".repeat(200_000) } }];
    const text = "effective.env.exists(a, a.value.matches('^x+$')) && effective.env.all(a, a.name.size() < 9)";
    expect(match(text, { configMaps, env: many })).toBe("cel is true");
  });

  it.each([
    { because: "all pairs of as many variables as there can be", text: nested(2, "v1.value == v2.name") },
    { because: "an expression that backtracks elsewhere", text: "effective.args.exists(a, a.matches('(a+a+)+[yz]'))" },
  ])("is run when it does not: $because", ({ text }) => {
    const started = performance.now();
    expect(match(text, { env: many, args: [long] })).toBeUndefined();
    // Some tens of milliseconds on a machine that does nothing else; without bounds such things take minutes.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

/** `cel.bind(a, 'xx', cel.bind(b, a + a, …))`. */
function doubling(times: number): string {
  let text = `v${times}.size() > 0`;
  for (let at = times; at > 0; at--) text = `cel.bind(v${at}, v${at - 1} + v${at - 1}, ${text})`;
  return `cel.bind(v0, effective.image, ${text})`;
}
