import { describe, expect, it } from "@jest/globals";
import { describeCompileError } from "../../../cel/compile-error.ts";
import { compileRuleExpression } from "../../../cel/expression.ts";
import { RuleEnvironment } from "./environment.ts";
import { describeRuntimeError } from "./runtime-error.ts";

const environment = new RuleEnvironment();
const type = environment.types.typeOf({
  type: "object",
  properties: {
    name: { type: "string" },
    count: { type: "integer" },
    ratio: { type: "number" },
    tags: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
    numbers: { type: "array", items: { type: "integer" } },
    port: { "x-kubernetes-int-or-string": true },
    wait: { type: "string", format: "duration" },
    when: { type: "string", format: "date-time" },
    blob: { type: "string", format: "byte" },
    labels: { type: "object", additionalProperties: { type: "string" } },
    inner: { type: "object", properties: { a: { type: "string" }, namespace: { type: "string" } } },
    other: { type: "object", properties: { a: { type: "string" } } },
    "with-dash": { type: "string" },
  },
});
if (type === undefined) throw new Error("the schema has no type");

const self = {
  name: "web",
  count: 3,
  ratio: 0.5,
  tags: ["b", "a"],
  numbers: [1, 2, 3],
  port: 80,
  wait: "90m",
  when: "2026-01-01T00:00:00Z",
  blob: "aGk=",
  labels: { x: "1" },
  inner: { a: "1", namespace: "ns" },
  "with-dash": "y",
};

function run(rule: string): unknown {
  const expression = compileRuleExpression(environment.forSelf(type as NonNullable<typeof type>, false), rule);
  const value = environment.values.convert(type as NonNullable<typeof type>, self);
  return expression.run({ self: value, oldSelf: value });
}

describe("rules that hold", () => {
  it.each([
    "self.name == 'web' && self.count > 2 && self.ratio < 1.0",
    "has(self.name) && !has(self.other)",
    "self.inner.__namespace__ == 'ns' && self.with__dash__dash == 'y'",
    "self == oldSelf && self.inner == oldSelf.inner",
    "self.port == 80 && type(self.port) == int",
    "self.tags == ['a', 'b'] && 'a' in self.tags && self.tags.size() == 2",
    "self.tags.all(t, t.size() == 1) && self.tags.exists_one(t, t == 'a')",
    "self.numbers.map(n, n * 2).sum() == 12 && self.numbers.filter(n, n > 1).size() == 2",
    "self.labels.all(k, self.labels[k] == '1') && 'x' in self.labels",
    "self.?other.?a.orValue('none') == 'none' && self.?name.hasValue()",
    "self.wait == duration('90m') && self.wait <= duration('2h') && duration(self.wait).getHours() == 1",
    "self.when < timestamp('2026-01-01T00:00:01Z') && self.when.getFullYear() == 2026",
    "string(self.blob) == 'hi'",
    "self.name.matches('^[a-z]+$') && !self.name.matches('^x')",
    "self.name.find('[a-c]') == 'b' && 'a1b2'.findAll('[0-9]') == ['1', '2'] && 'a1b2'.findAll('[0-9]', 1) == ['1']",
    "'a-b-a'.replace('a', 'x') == 'x-b-x' && 'a-b-a'.replace('a', 'x', 1) == 'x-b-a'",
    "'abc'.charAt(1) == 'b' && 'abc'.reverse() == 'cba' && 'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b'",
    "'%s has %d at %.1f, 100%%'.format([self.name, self.count, self.ratio]) == 'web has 3 at 0.5, 100%'",
    "self.numbers.isSorted() && self.numbers.min() == 1 && self.numbers.max() == 3 && self.numbers.indexOf(2) == 1",
    "[1, 1, 2].distinct() == [1, 2] && [1, 2, 3].slice(1, 3) == [2, 3] && [1, 2].lastIndexOf(9) == -1",
    "sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.intersects([1], [2])",
    "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1500m') == quantity('1.5') && isQuantity('2Ki')",
    "quantity('1').add(quantity('500m')).compareTo(quantity('1.5')) == 0 && quantity('2').sub(1).asInteger() == 1",
    "!isQuantity('lots') && quantity('-1').sign() == -1 && !quantity('0.5').isInteger()",
    "isURL('https://u@h.example:8443/p%20q?a=1&a=2') && url('https://h.example:8443/p?a=1&a=2').getQuery()['a'] == ['1', '2']",
    "url('https://[::1]:80/x').getHostname() == '::1' && url('https://h:80/').getPort() == '80' && url('/p').getScheme() == ''",
    "!isURL('nonsense') && !isURL('a b')",
    "isIP('::1') && ip('::1').isLoopback() && ip('10.0.0.1').family() == 4 && string(ip('2001:db8:0:0:0::1')) == '2001:db8::1'",
    "ip.isCanonical('::1') && !ip.isCanonical('0:0:0:0:0:0:0:1') && !isIP('1.2.3') && !isIP('::ffff:1.2.3.4')",
    "ip('169.254.1.1').isLinkLocalUnicast() && ip('8.8.8.8').isGlobalUnicast() && !ip('224.0.0.1').isGlobalUnicast()",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !isCIDR('10.0.0.0/33')",
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && !isSemver('v1')",
    "!format.dns1123Label().validate('web').hasValue() && format.named('uuid').value().validate('x').hasValue()",
    "cel.bind(n, self.count + 1, n == 4)",
  ])("%s", (rule) => {
    expect(run(rule)).toBe(true);
  });
});

it.each([
  {
    because: "a field is not in the schema",
    rule: "self.nothing == 1",
    message: "ERROR: <input>:1:5: undefined field 'nothing'\n | self.nothing == 1\n | ....^",
  },
  {
    because: "the presence of a field is asked that is not in the schema",
    rule: "self.name != '' && !has(self.nothing)",
    message:
      "ERROR: <input>:1:24: undefined field 'nothing'\n | self.name != '' && !has(self.nothing)\n | .......................^",
  },
  {
    because: "types do not fit",
    rule: "self.name == self.count",
    message:
      "ERROR: <input>:1:11: found no matching overload for '_==_' applied to '(string, int)'\n | self.name == self.count\n | ..........^",
  },
  {
    because: "a name is unknown",
    rule: "true &&\nnothing",
    message: "ERROR: <input>:2:1: undeclared reference to 'nothing' (in container '')\n | nothing\n | ^",
  },
])("says as cel-go when $because", ({ rule, message }) => {
  let described = "";
  try {
    run(rule);
  } catch (error) {
    described = describeCompileError(error, rule);
  }
  expect(described).toBe(message);
});

it.each([
  { rule: "int(self.name) > 1", message: "type conversion error from 'string' to 'int' evaluating rule: m" },
  { rule: "1 / (self.count - 3) == 1", message: "division by zero evaluating rule: m" },
  { rule: "self.numbers[9] == 1", message: "index out of bounds: 9 evaluating rule: m" },
  { rule: "self.labels['no'] == ''", message: "no such key: no evaluating rule: m" },
  { rule: "quantity(self.name).sign() == 1", message: "quantities must match the regular expression" },
])("$rule fails as in cel-go", ({ rule, message }) => {
  let described = "";
  try {
    run(rule);
  } catch (error) {
    described = describeRuntimeError(error, "m");
  }
  expect(described).toContain(message);
});

it("matches in linear time", () => {
  const started = performance.now();
  expect(run(`('a${"a".repeat(60)}!').matches('^(a+)+$')`)).toBe(false);
  // The JavaScript engine would need years.
  expect(performance.now() - started).toBeLessThan(5_000);
});
