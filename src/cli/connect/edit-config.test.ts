import { describe, expect, it } from "@jest/globals";
import { parse } from "jsonc-parser";
import { type Wanted, withServerEntry } from "./edit-config.ts";

const URL = "http://127.0.0.1:7080/team-a/files/mcp";
const wanted: Wanted = {
  section: "servers",
  name: "files",
  url: URL,
  entry: { type: "http", url: URL },
  inputs: [],
  allowsComments: true,
  force: false,
};

function changed(text: string, changes: Partial<Wanted> = {}): string {
  const edit = withServerEntry(text, { ...wanted, ...changes });
  if (edit.kind !== "changed") throw new Error(`it is ${JSON.stringify(edit)}`);
  return edit.text;
}

describe("a configuration with a server's entry", () => {
  it.each([
    ["", "a file that does not exist yet"],
    ["  \n", "an empty one"],
    ["{}", "one without members"],
  ])("is made of %j: %s", (text) => {
    expect(JSON.parse(changed(text))).toEqual({ servers: { files: wanted.entry } });
  });

  it("keeps comments, unknown members, their order and what they look like", () => {
    const before = [
      "// ours",
      "{",
      "\t/* of the team */",
      '\t"sandbox": {"a": [1,2]},',
      '\t"servers": {',
      '\t\t"other": { "type": "stdio", "command": "x" }, // keep me',
      "\t},",
      '\t"zoo": 1e3,',
      "}",
      "",
    ];
    const after = changed(before.join("\n")).split("\n");
    expect(after.filter((line) => !before.includes(line))).toEqual([
      '\t\t"files": {',
      '\t\t\t"type": "http",',
      `\t\t\t"url": "${URL}"`,
      "\t\t},",
    ]);
    expect(before.filter((line) => !after.includes(line))).toEqual([]);
  });

  it.each([
    ['{\n    "servers": {\n    }\n}\n', /\n {8}"files": \{\n {12}"type"/],
    ['{\r\n  "servers": {}\r\n}\r\n', /\r\n {4}"files": \{\r\n/],
    ['\uFEFF{\n  "servers": {}\n}\n', /^\uFEFF\{\n/],
  ])("is written as %j was", (text, expected) => {
    const after = changed(text);
    expect(after).toMatch(expected);
    expect(parse(after.replace("\uFEFF", ""))).toMatchObject({ servers: { files: wanted.entry } });
    if (text.includes("\r\n")) expect(after.replaceAll("\r\n", "")).not.toContain("\n");
  });

  it("has the inputs that it needs, each once", () => {
    const inputs = [{ id: "slipway-token", type: "promptString" }];
    expect(JSON.parse(changed("{}", { inputs }))).toMatchObject({ inputs });
    const other = { id: "other", type: "pickString" };
    expect(JSON.parse(changed(JSON.stringify({ inputs: [other] }), { inputs })).inputs).toEqual([...inputs, other]);
    const own = { id: "slipway-token", type: "promptString", description: "mine" };
    expect(JSON.parse(changed(JSON.stringify({ inputs: [own] }), { inputs })).inputs).toEqual([own]);
  });

  it.each<[object, string]>([
    [{ url: URL, headers: { Authorization: "Bearer a token that somebody put in" } }, "by its URL"],
    [{ command: "npx", args: ["-y", "mcp-remote", URL, "--header", "Authorization:x"] }, "by mcp-remote"],
  ])("stays as it is where an entry leads there already, %2$s", (entry) => {
    const text = JSON.stringify({ servers: { files: entry } });
    expect(withServerEntry(text, wanted)).toEqual({ kind: "unchanged" });
  });

  it.each([
    [{ url: "http://127.0.0.1:7080/team-b/files/mcp" }, "http://127.0.0.1:7080/team-b/files/mcp"],
    [{ command: "files-server", args: ["--stdio"] }, "a program of its own"],
    ["nonsense", "a program of its own"],
  ])("is not made where %j has its name, unless by force", (entry, by) => {
    const text = JSON.stringify({ servers: { files: entry, other: 1 } });
    expect(withServerEntry(text, wanted)).toEqual({ kind: "taken", by });
    const forced = withServerEntry(text, { ...wanted, force: true });
    expect(forced).toMatchObject({ kind: "changed", replaced: true });
    expect(JSON.parse(changed(text, { force: true }))).toEqual({ servers: { files: wanted.entry, other: 1 } });
  });

  it.each([
    ['{"a": 1, "servers": {"x": {}}}', '{"a": 1, "servers": {\n  "files": 0,\n  "x": {}}}', "all in one line"],
    ['{ "servers": { } }', '{ "servers": {\n  "files": 0\n} }', "an empty section"],
    ['{\n  "servers": { // ours\n  }\n}', '{\n  "servers": { // ours\n    "files": 0\n  }\n}', "a remark"],
    ['{\n  // first\n  "a": 1,\n}', '{\n  "servers": {\n    "files": 0\n  },\n  // first\n  "a": 1,\n}', "no section"],
    ['{"servers": {"files": [1,\n2], "x": 1}}', '{"servers": {"files": 0, "x": 1}}', "an entry to replace"],
  ])("changes no byte of %j that it need not: %s", (before, after) => {
    const edit = withServerEntry(before, { ...wanted, force: true, entry: 0 as never });
    expect(edit).toMatchObject({ kind: "changed", text: after });
  });

  it("is not made where it would not count, since a section stands there twice", () => {
    const edit = withServerEntry('{"servers": {}, "servers": {}}', wanted);
    expect(edit).toEqual({ kind: "unreadable", problem: "it has servers, or files in it, twice" });
  });

  it("is not misled by names that every object has", () => {
    const entry = { ...wanted, name: "constructor" };
    expect(withServerEntry("{}", entry)).toMatchObject({ kind: "changed", replaced: false });
  });

  it.each([
    ['{"servers": {', true, "line 1, column 14: CloseBraceExpected"],
    ['{\n  "servers": {},,\n}', true, /^line 2, column 17/],
    ["[]", true, "it is no JSON object"],
    ["null", true, "it is no JSON object"],
    ['{"servers": []}', true, "its servers is no JSON object"],
    ['{"servers": null}', true, "its servers is no JSON object"],
    ['{\n  // why\n  "servers": {}}', false, "line 2, column 3: InvalidCommentToken"],
    ['{"servers": {},}', false, /^line 1/],
  ])("is not made of %j (comments: %s)", (text, allowsComments, problem) => {
    const edit = withServerEntry(text, { ...wanted, allowsComments });
    expect(edit).toEqual({
      kind: "unreadable",
      problem: typeof problem === "string" ? problem : expect.stringMatching(problem),
    });
  });

  it("is not made where inputs are needed and are no list", () => {
    const inputs = [{ id: "slipway-token" }];
    expect(withServerEntry('{"inputs": {}}', { ...wanted, inputs })).toMatchObject({ kind: "unreadable" });
    expect(withServerEntry('{"inputs": {}}', wanted)).toMatchObject({ kind: "changed" });
  });
});
