import { describe, expect, it } from "@jest/globals";
import { visible, visibleLines } from "./visible-text.ts";

describe("visible", () => {
  it.each([
    {
      because: "plain text stays",
      text: "docker.io/mcp/files:1 – größer, 日本",
      want: "docker.io/mcp/files:1 – größer, 日本",
    },
    { because: "colours and cursor moves are told", text: "\u001b[2Jx\u009b31m", want: "\\u001b[2Jx\\u009b31m" },
    { because: "no line is forged", text: "a\nPhase: Approved\r", want: "a\\nPhase: Approved\\u000d" },
    { because: "a tab moves what follows", text: "a\tb", want: "a\\tb" },
    { because: "direction is not turned", text: "evil\u202Egpj.exe\u2066", want: "evil\\u202egpj.exe\\u2066" },
    { because: "nothing hides without a width", text: "a\u200bb\ufeffc\u00add", want: "a\\u200bb\\ufeffc\\u00add" },
    { because: "fillers look like nothing", text: "x\u3164y\u2800", want: "x\\u3164y\\u2800" },
    { because: "tags outside the first plane count", text: "x\u{e0041}", want: "x\\udb40\\udc41" },
    { because: "a space that is none", text: "a\u00a0b", want: "a\\u00a0b" },
    { because: "half a pair is no character", text: "\ud800", want: "\\ud800" },
    { because: "separators are lines to some", text: "a\u2028b\u2029", want: "a\\u2028b\\u2029" },
  ])("$because", ({ text, want }) => {
    expect(visible(text)).toBe(want);
  });

  it("keeps the lines that are meant", () => {
    expect(visibleLines("a\nb\u001b\n")).toEqual(["a", "b\\u001b", ""]);
  });
});
