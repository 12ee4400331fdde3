import { describe, expect, it } from "@jest/globals";
import { checkSelectableFields, parseFieldSelector } from "./field-selector.ts";
import { labelSelectorMatcher, parseLabelSelector } from "./label-selector.ts";

const OBJECTS = { a: { x: "1" }, b: { x: "2" }, c: { x: "2", y: "1" }, d: undefined } as const;

function selected(matches: (labels: Record<string, string> | undefined) => boolean): string {
  return Object.entries(OBJECTS)
    .filter(([, labels]) => matches(labels))
    .map(([name]) => name)
    .join("");
}

describe("label selectors", () => {
  it.each([
    { text: "", want: "abcd" },
    { text: "x=1", want: "a" },
    { text: "x==1", want: "a" },
    { text: "x!=1", want: "bcd" },
    { text: "x in (1,3)", want: "a" },
    { text: "x notin (1)", want: "bcd" },
    { text: "y", want: "c" },
    { text: "!y", want: "abd" },
    { text: "x=2,y=1", want: "c" },
    { text: " x = 2 , y ", want: "c" },
    { text: "x>1", want: "bc" },
    { text: "x<2", want: "a" },
    { text: "x=", want: "" },
    { text: "toString", want: "" },
  ])("$text", ({ text, want }) => {
    expect(selected(parseLabelSelector(text))).toBe(want);
  });

  it.each([
    { text: "x=1,", message: "found '', expected: identifier after ','" },
    { text: "x in (1", message: "unable to parse requirement: found '', expected: ',' or ')'" },
    { text: "x=not valid", message: "found 'valid', expected: ',' or 'end of string'" },
    { text: "bad key!=1", message: "unable to parse requirement: found 'key', expected: in, notin, =, ==, !=, gt, lt" },
    { text: "x=1=2", message: "found '=', expected: ',' or 'end of string'" },
    {
      text: "x>one",
      message:
        "unable to parse requirement: values[0]: Invalid value: \"one\": for 'Gt', 'Lt' operators, the value must be an integer",
    },
    {
      text: `x=${"v".repeat(64)}`,
      message: `unable to parse requirement: values[0][x]: Invalid value: "${"v".repeat(64)}": must be no more than 63 bytes`,
    },
  ])("$text is refused", ({ text, message }) => {
    expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ code: 400, message }));
  });

  it("match as objects do", () => {
    const matches = labelSelectorMatcher({
      matchLabels: { x: "2" },
      matchExpressions: [
        { key: "y", operator: "DoesNotExist" },
        { key: "x", operator: "In", values: ["2", "3"] },
      ],
    });
    expect(selected(matches)).toBe("b");
    expect(selected(labelSelectorMatcher({}))).toBe("abcd");
  });
});

describe("field selectors", () => {
  const object = { metadata: { name: "a" }, spec: { n: 5, on: false, text: "x,y=z" } };

  it.each([
    { text: "", want: true },
    { text: "metadata.name=a", want: true },
    { text: "metadata.name==b", want: false },
    { text: "metadata.name!=b,spec.n=5", want: true },
    { text: "spec.on=false", want: true },
    { text: "spec.missing=", want: true },
    { text: "spec.text=x\\,y\\=z", want: true },
  ])("$text", ({ text, want }) => {
    expect(parseFieldSelector(text).matches(object)).toBe(want);
  });

  it("names the one object that it pins", () => {
    expect(parseFieldSelector("metadata.name=a").name).toBe("a");
    expect(parseFieldSelector("metadata.name!=a").name).toBeUndefined();
  });

  it.each(["metadata.name", "metadata.name in (a)", "a=b=c", "a=\\b"])("%s is refused", (text) => {
    expect(() => parseFieldSelector(text)).toThrow(`invalid selector: '${text}'; can't understand '${text}'`);
  });

  it("are refused for fields that the kind cannot be selected by", () => {
    const selector = parseFieldSelector("spec.image=x");
    expect(() => checkSelectableFields(selector, [".spec.mode"])).toThrow("field label not supported: spec.image");
    expect(() => checkSelectableFields(selector, [".spec.image"])).not.toThrow();
  });
});
