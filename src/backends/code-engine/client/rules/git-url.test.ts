import { describe, expect, it } from "@jest/globals";
import { gitUrlTrouble, isSshUrl } from "./git-url.ts";

describe("gitUrlTrouble", () => {
  it.each([
    "https://github.com/org/repo",
    "https://git.example:8443/org/repo.git",
    "git@github.com:org/repo.git",
    "ssh://git@git.example/org/repo",
    "ssh://git@git.example:2222/org/repo",
  ])("finds none in %s", (url) => {
    expect(gitUrlTrouble(url)).toBeUndefined();
  });

  it.each([
    { url: "http://github.com/org/repo", trouble: "use https" },
    { url: "https://github.com/org/repo/", trouble: "slash" },
    { url: "https://github.com", trouble: "names no repository" },
    { url: "https://user@github.com/org/repo", trouble: "must not hold a user" },
    { url: "https://user:word@github.com/org/repo", trouble: "must not hold a password" },
    { url: "https://github.com/org/repo?ref=main", trouble: "query" },
    { url: "https://github.com/org/repo#main", trouble: "fragment" },
    { url: "ssh://me@git.example/org/repo", trouble: "ssh://git@HOST/PATH" },
    { url: "ssh://git.example/org/repo", trouble: "ssh://git@HOST/PATH" },
    { url: "git@github.com/org/repo", trouble: "git@HOST:PATH" },
    { url: "git@github.com:org:repo", trouble: "one colon" },
    { url: "file:///etc", trouble: "must be https://HOST/PATH" },
    { url: "../repo", trouble: "must be https://HOST/PATH" },
    { url: "https://github.com/a b", trouble: "blanks" },
    { url: `https://github.com/${"a".repeat(235)}`, trouble: "has 254 characters and may have 253" },
  ])("says what is wrong with $url", ({ url, trouble }) => {
    expect(gitUrlTrouble(url)).toContain(trouble);
  });
});

it("tells ssh from https", () => {
  expect(["git@a:b", "ssh://git@a/b", "https://a/b"].map(isSshUrl)).toEqual([true, true, false]);
});
