import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { noticeOf } from "../../test/support/approval-notices.ts";
import { chatText, quoted } from "./chat-text.ts";
import { factsOf } from "./notice-facts.ts";

describe("chatText", () => {
  it("says what is asked, and how to decide", () => {
    expect(chatText(factsOf(noticeOf())).split("\n")).toEqual([
      "*Approval needed*: `team-a/files`, asked for by `dev@example.org`",
      "• rule `foreign`: `docker.io/foreign/server is in none of the registries`",
      "Expires `2026-01-03T00:00:00Z`",
      "Look: `slipway describe files-1f2e3d4c -n team-a`",
    ]);
  });

  it("says who decided, and why", () => {
    const decisions = [{ verdict: "Approved" as const, by: "sec1", at: "2026-01-01T01:00:00Z", reason: "fine" }];
    expect(chatText(factsOf(noticeOf({ event: "Approved", decisions })))).toContain("Approved by `sec1`: `fine`");
  });

  it.each([
    { because: "links", text: "<https://evil.example|click here>" },
    { because: "mentions", text: "<!channel> <@U123> @everyone" },
    { because: "ends of the code span", text: "fine` <!here> `" },
    { because: "further lines", text: "fine\nApproved by `ceo`" },
    { because: "directions of writing", text: "fine\u202egnp.exe" },
  ])("makes no $because of what strangers wrote", ({ text }) => {
    const told = chatText(factsOf(noticeOf({ requesters: [text], trigger: text })));
    expect(told.split("\n")).toHaveLength(4);
    expect(outsideOfCode(told)).toBe(outsideOfCode(chatText(factsOf(noticeOf()))));
    expect(told).not.toMatch(/[<>\u202e]/);
  });

  it("keeps any text within its code span", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(quoted(text)).toMatch(/^`[^`<>]+`$/);
      }),
    );
  });
});

function outsideOfCode(text: string): string {
  return text.replaceAll(/`[^`]*`/g, "``");
}
