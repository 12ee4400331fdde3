import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { firstWords, renderedSafely, terminalText } from "./untrusted-output.ts";

const NASTY = { name: "a\u001b[2Jb\u202ec\u009bd\u{e0041}", text: "one\ntwo\t\u200b" };
const UNSEEN = ["\u001b", "\u202e", "\u009b", "\u200b", "\u{e0041}"];

describe("text of strangers", () => {
  it.each(["json", "yaml"] as const)("means the same in %s, and steers no terminal", (output) => {
    const text = renderedSafely(output, NASTY);
    expect(UNSEEN.filter((character) => text.includes(character))).toEqual([]);
    expect(parse(text)).toEqual(NASTY);
    expect(text.endsWith("\n")).toBe(true);
  });

  it("is plain YAML where there is nothing to hide", () => {
    expect(renderedSafely("yaml", { a: "one\ntwo\n" })).toBe("a: |\n  one\n  two\n");
  });

  it("keeps lines and tabs in a terminal", () => {
    expect(terminalText("a\tb\nc\u001b]0;title\u0007\r\n")).toBe("a\tb\nc\\u001b]0;title\\u0007\\u000d\n");
  });

  it.each([
    ["short", 10, "short"],
    ["  on\n\n two\tlines ", 20, "on two lines"],
    ["0123456789", 10, "0123456789"],
    ["01234567890", 10, "012345678…"],
    ["several words here", 14, "several words…"],
    ["several words here", 12, "several…"],
    ["abcd\u001b[2J", 8, "abcd…"],
    ["", 5, ""],
  ])("%j in %i characters is %j", (text, length, expected) => {
    const words = firstWords(text, length);
    expect(words).toBe(expected);
    expect(words.length).toBeLessThanOrEqual(length);
  });
});
