import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { BodySyntaxError, MAX_DEPTH, parseBody } from "./strict-body.ts";

const JSON_TYPE = "application/json";
const YAML_TYPE = "application/yaml";

describe("JSON", () => {
  it.each([
    { text: "", message: "unexpected end of JSON input" },
    { text: '{"a":', message: "unexpected end of JSON input" },
    { text: '{"a":1} x', message: "invalid character 'x' after top-level value" },
    { text: "hello", message: "invalid character 'h' looking for beginning of value" },
    { text: "nope", message: "invalid character 'o' in literal null (expecting 'u')" },
    { text: "{a:1}", message: "invalid character 'a' looking for beginning of object key string" },
    { text: '{"a" 1}', message: "invalid character '1' after object key" },
    { text: '{"a":1 "b"}', message: "invalid character '\"' after object key:value pair" },
    { text: "[1 2]", message: "invalid character '2' after array element" },
    { text: '"a\nb"', message: "invalid character '\\n' in string literal" },
    { text: "-x", message: "invalid character 'x' in numeric literal" },
    { text: "1e999", message: "json: cannot unmarshal number 1e999 into Go value of type float64" },
    { text: '{"__proto__":{}}', message: 'the key "__proto__" is not supported' },
    { text: '{"\\u005f_proto__":{}}', message: 'the key "__proto__" is not supported' },
    { text: "[".repeat(MAX_DEPTH + 1), message: "invalid character '[' exceeded max depth" },
  ])("$text is refused", ({ text, message }) => {
    expect(() => parseBody(text, JSON_TYPE)).toThrow(new BodySyntaxError(message));
  });

  it("names duplicate keys by their paths, and keeps the last value", () => {
    const { value, duplicates, strictErrors } = parseBody('{"a":[{"b":1,"b":2}],"c":1,"c":2}', JSON_TYPE);
    expect(value).toEqual({ a: [{ b: 2 }], c: 2 });
    expect(duplicates).toEqual(["a[0].b", "c"]);
    expect(strictErrors).toEqual(['duplicate field "a[0].b"', 'duplicate field "c"']);
  });

  it("reads whatever JSON.parse reads, in any layout", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom(0, 2), (text, indent) => {
        const value: unknown = JSON.parse(text);
        if (text.includes("__proto__")) return;
        expect(parseBody(JSON.stringify(value, null, indent), JSON_TYPE)).toEqual({
          value: JSON.parse(JSON.stringify(value)),
          duplicates: [],
          strictErrors: [],
        });
      }),
    );
  });
});

describe("YAML", () => {
  it.each([
    { because: "y is true, as Go reads it", text: "a: y\n", want: { a: true } },
    { because: "a time stays text", text: "a: 2024-05-01\n", want: { a: "2024-05-01" } },
    { because: "base 60 is not known", text: "a: 1:30\n", want: { a: "1:30" } },
    { because: "aliases are followed", text: "a: &x {b: 1}\nc: *x\n", want: { a: { b: 1 }, c: { b: 1 } } },
    { because: "JSON is YAML", text: '{"a": [1]}', want: { a: [1] } },
  ])("$because", ({ text, want }) => {
    expect(parseBody(text, YAML_TYPE).value).toEqual(want);
  });

  it("reports duplicate keys with their lines", () => {
    expect(parseBody("a: 1\nb:\n  c: 1\n  c: 2\n", YAML_TYPE)).toEqual({
      value: { a: 1, b: { c: 2 } },
      duplicates: [],
      strictErrors: ['yaml: unmarshal errors:\n  line 4: key "c" already set in map'],
    });
  });

  it.each([
    { because: "a list is not closed", text: "a: [b", message: "yaml: line 1: did not find expected ',' or ']'" },
    {
      because: "a tab indents",
      text: "a:\n\tb: c",
      message: "yaml: line 2: found character that cannot start any token",
    },
    {
      because: "a key is the prototype's",
      text: "__proto__: {}",
      message: 'yaml: line 1: the key "__proto__" is not supported',
    },
  ])("is refused when $because", ({ text, message }) => {
    expect(() => parseBody(text, YAML_TYPE)).toThrow(new BodySyntaxError(message));
  });

  it("does not expand aliases without bound", () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
    for (const [name, before] of ["ba", "cb", "dc", "ed", "fe", "gf"].map((pair) => [...pair])) {
      bomb.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(",")}]`);
    }
    expect(() => parseBody(bomb.join("\n"), YAML_TYPE)).toThrow(BodySyntaxError);
  });
});
