import { describe, expect, it } from "@jest/globals";
import { pinnedBy } from "./package-lock.ts";
import { checkRequest, formatPinned, isExact, parsePinned } from "./package-name.ts";
import { chooseBin } from "./package-program.ts";

describe("a package", () => {
  it.each([
    { name: "server", version: "1.2.3" },
    { name: "@scope/server-x", version: "^1.2 || >=3.0.0-rc.1 <4" },
    { name: "server", version: "latest" },
  ])("may be asked for: $name $version", (request) => {
    expect(() => checkRequest(request)).not.toThrow();
  });

  it.each([
    { because: "an option", name: "--global", version: "1", field: "npm" },
    { because: "a path", name: "../server", version: "1", field: "npm" },
    { because: "a repository", name: "owner/server", version: "1", field: "npm" },
    { because: "capitals", name: "Server", version: "1", field: "npm" },
    { because: "too long", name: "a".repeat(215), version: "1", field: "npm" },
    { because: "a file", name: "server", version: "file:/etc", field: "version" },
    { because: "a repository", name: "server", version: "git+ssh://git@host/x", field: "version" },
    { because: "an alias", name: "server", version: "npm:other@1", field: "version" },
    { because: "nothing", name: "server", version: "", field: "version" },
  ])("may not be asked for: $because", ({ field, ...request }) => {
    const error = { reason: "InvalidSpec", message: expect.stringContaining(`spec.source.package.${field}`) };
    expect(() => checkRequest(request)).toThrow(expect.objectContaining(error));
  });

  it("is pinned by its integrity and its lock, and read as it was written", () => {
    const lock = `sha256-${"a+/".repeat(14)}a=`;
    const pinned = { name: "@scope/server", version: "1.2.3-rc.1", integrity: "sha512-ab+/==", lock };
    expect(formatPinned(pinned)).toBe(`npm:@scope/server@1.2.3-rc.1#sha512-ab+/==;lock=${lock}`);
    expect(parsePinned(formatPinned(pinned))).toEqual(pinned);
    const digests = `#sha512-aa==;lock=${lock}`;
    for (const text of ["", "server:1", `npm:a@^1${digests}`, `npm:../a@1.2.3${digests}`, "npm:a@1.2.3#sha512-aa=="]) {
      expect(parsePinned(text)).toBeUndefined();
    }
  });

  it("is named by one version, or not", () => {
    expect(["1.2.3", "1.2.3-rc.1", "2026.8.31"].every(isExact)).toBe(true);
    expect(["^1.2.3", "1.2", "latest", "1.2.3 || 2.0.0"].some(isExact)).toBe(false);
  });
});

describe("a lock", () => {
  const own = { version: "1.2.3", resolved: "https://registry.test/s.tgz", integrity: "sha512-own" };
  const lockOf = (more: object) => ({ lockfileVersion: 3, packages: { "": {}, "node_modules/server": own, ...more } });

  it("pins the package", () => {
    expect(pinnedBy(lockOf({}), "server")).toEqual({
      ...{ name: "server", version: "1.2.3", integrity: "sha512-own" },
      lock: expect.stringMatching(/^sha256-[A-Za-z0-9+/]{43}=$/),
    });
  });

  const dependency = { version: "5.0.0", resolved: "https://registry.test/d.tgz", integrity: "sha512-d" };
  const digestOf = (entries: object) => pinnedBy(lockOf(entries), "server").lock;

  it.each([
    { because: "another version", entries: { "node_modules/d": { ...dependency, version: "5.0.1" } } },
    { because: "another content", entries: { "node_modules/d": { ...dependency, integrity: "sha512-e" } } },
    { because: "another place", entries: { "node_modules/server/node_modules/d": dependency } },
    { because: "one more", entries: { "node_modules/d": dependency, "node_modules/e": dependency } },
    { because: "one less", entries: {} },
  ])("pins what the package depends on: $because is another digest", ({ entries }) => {
    expect(digestOf(entries)).not.toBe(digestOf({ "node_modules/d": dependency }));
  });

  it("has the same digest whatever else npm tells, in any order", () => {
    const told = { ...dependency, resolved: "https://mirror.test/d.tgz", deprecated: "use e", license: "MIT" };
    const [d, e] = ["node_modules/d", "node_modules/e"];
    expect(digestOf({ [e]: told, [d]: told })).toBe(digestOf({ [d]: dependency, [e]: dependency }));
  });

  it.each([
    { because: "out of a repository", entry: { version: "1", resolved: "git+ssh://git@host/x.git#abc" } },
    { because: "over HTTP", entry: { version: "1", resolved: "http://registry.test/x", integrity: "sha512-x" } },
    { because: "without integrity", entry: { version: "1", resolved: "https://registry.test/x" } },
    { because: "with SHA-1 alone", entry: { version: "1", resolved: "https://registry.test/x", integrity: "sha1-x" } },
    { because: "a link", entry: { link: true, resolved: "../x" } },
  ])("is refused where it has something $because", ({ entry }) => {
    const error = { reason: "PackageNotPinned", message: expect.stringContaining("server needs odd, which") };
    expect(() => pinnedBy(lockOf({ "node_modules/a/node_modules/odd": entry }), "server")).toThrow(
      expect.objectContaining(error),
    );
  });

  it.each([
    { because: "of an old version", lock: { lockfileVersion: 1 } },
    { because: "no lock", lock: "lock" },
  ])("is none: $because", ({ lock }) => {
    expect(() => pinnedBy(lock, "server")).toThrow(/npm 7 or later/);
  });
});

describe("the program of a package", () => {
  it.each([
    { because: "its bin", bin: "cli.js", want: "cli.js" },
    { because: "its only one, whatever its name", bin: { other: "o.js" }, want: "o.js" },
    { because: "that of its own name, without the scope", bin: { other: "o.js", server: "s.js" }, want: "s.js" },
  ])("is $because", ({ bin, want }) => {
    expect(chooseBin({ name: "@scope/server", bin })).toBe(want);
  });

  it.each([
    { because: "there is none", bin: undefined, message: /has no bin/ },
    { because: "none has its name", bin: { a: "a.js", b: "b.js" }, message: /none of a, b/ },
  ])("is refused where $because", ({ bin, message }) => {
    expect(() => chooseBin({ name: "server", bin })).toThrow(
      expect.objectContaining({ reason: "NoProgram", message: expect.stringMatching(message) }),
    );
  });
});
