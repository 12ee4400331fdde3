import { describe, expect, it } from "@jest/globals";
import { readEntry, readPage, readProblem } from "./read-entry.ts";

const ENTRY = { id: "a1", name: "files", url: "http://h.test", enabled: true, tags: ["slipway"] };

describe("an entry", () => {
  it.each([
    { because: "all is there", value: ENTRY, is: true },
    { because: "the ID leads elsewhere", value: { ...ENTRY, id: "../a" }, is: false },
    { because: "the ID is a number", value: { ...ENTRY, id: 1 }, is: false },
    { because: "nobody says whether it is on", value: { ...ENTRY, enabled: undefined }, is: false },
    { because: "the URL is endless", value: { ...ENTRY, url: "u".repeat(5_000) }, is: false },
    { because: "it is a list", value: [ENTRY], is: false },
    { because: "it is nothing", value: null, is: false },
  ])("is read: $is, since $because", ({ value, is }) => {
    expect(readEntry(value) !== undefined).toBe(is);
  });

  it("may have tags of either form", () => {
    const tags = ["a", { id: "b", label: "b" }, { id: "c" }, 7, {}];
    expect(readEntry({ ...ENTRY, tags })?.tags).toEqual(["a", "b", "c"]);
  });

  it("cannot write to a terminal, nor without end", () => {
    const entry = readEntry({ ...ENTRY, lastError: `\u001b[2J${"x".repeat(1_000)}` });
    expect(entry?.lastError).toMatch(/^ \[2Jx{196}$/);
  });
});

describe("a page", () => {
  it.each([
    { because: "it is a bare list", value: [ENTRY], entries: 1 },
    { because: "it has a next one", value: { gateways: [ENTRY, ENTRY], nextCursor: "c" }, entries: 2 },
    { because: "it is empty", value: { gateways: [], nextCursor: null }, entries: 0 },
    { because: "one entry cannot be read, and could be ours", value: [ENTRY, { id: "x" }], entries: undefined },
    { because: "it is something else", value: { detail: "no" }, entries: undefined },
  ])("has $entries entries, since $because", ({ value, entries }) => {
    expect(readPage(value)?.entries.length).toBe(entries);
  });
});

describe("a problem", () => {
  it("is told without what was sent", () => {
    const detail = [{ loc: ["body", "url"], msg: "bad", input: { auth_token: "secret" } }];
    expect(readProblem({ detail })).toBe("body.url: bad");
    expect(readProblem({ message: "no" })).toBe("no");
    expect(readProblem("no")).toBeUndefined();
  });
});
