import { describe, expect, it } from "@jest/globals";
import { pinnedBy } from "./npm/package-lock.ts";
import { chooseBin } from "./npm/package-program.ts";
import {
  checkRequest,
  formatPinned,
  isExact,
  type PackageRequest,
  packageKey,
  parsePinned,
  parseRequest,
} from "./package-name.ts";

describe("a package", () => {
  it.each<PackageRequest>([
    { registry: "npm", name: "server", version: "1.2.3" },
    { registry: "npm", name: "@scope/server-x", version: "^1.2 || >=3.0.0-rc.1 <4" },
    { registry: "npm", name: "server", version: "latest" },
    { registry: "pypi", name: "mcp-server-time", version: "2026.8.31" },
    { registry: "pypi", name: "MCP_server.x", version: ">=1.2, <2,!=1.3.*" },
    { registry: "pypi", name: "server", version: "~=1.2" },
    { registry: "pypi", name: "server", version: "1!2.0rc1.post2.dev3+cu12.1" },
    { registry: "pypi", name: "server", version: "latest" },
  ])("may be asked for: $registry $name $version", (request) => {
    expect(() => checkRequest(request)).not.toThrow();
  });

  it.each<{ because: string; registry?: "npm" | "pypi"; name: string; version: string; field: string }>([
    { because: "an option", name: "--global", version: "1", field: "npm" },
    { because: "a path", name: "../server", version: "1", field: "npm" },
    { because: "a repository", name: "owner/server", version: "1", field: "npm" },
    { because: "capitals", name: "Server", version: "1", field: "npm" },
    { because: "too long", name: "a".repeat(215), version: "1", field: "npm" },
    { because: "a file", name: "server", version: "file:/etc", field: "version" },
    { because: "a repository", name: "server", version: "git+ssh://git@host/x", field: "version" },
    { because: "an alias", name: "server", version: "npm:other@1", field: "version" },
    { because: "nothing", name: "server", version: "", field: "version" },
    { because: "an extra", registry: "pypi", name: "server[cli]", version: "latest", field: "pypi" },
    { because: "a URL", registry: "pypi", name: "server@https://x.test", version: "latest", field: "pypi" },
    { because: "an option of uv", registry: "pypi", name: "-rfile", version: "latest", field: "pypi" },
    { because: "a scope", registry: "pypi", name: "@scope/server", version: "latest", field: "pypi" },
    { because: "a range of npm", registry: "pypi", name: "server", version: "^1.2", field: "version" },
    { because: "a tag of npm", registry: "pypi", name: "server", version: "next", field: "version" },
    { because: "an environment", registry: "pypi", name: "server", version: "1; extra", field: "version" },
    { because: "a line more", registry: "pypi", name: "server", version: "1\n--index-url=x", field: "version" },
  ])("may not be asked for: $because", ({ because: _, field, registry = "npm", ...rest }) => {
    const request = { registry, ...rest };
    const error = { reason: "InvalidSpec", message: expect.stringContaining(`spec.source.package.${field}`) };
    expect(() => checkRequest(request)).toThrow(expect.objectContaining(error));
  });

  it("is pinned by its integrity and its lock, and read as it was written", () => {
    const lock = `sha256-${"a+/".repeat(14)}a=`;
    const pinned = {
      registry: "npm",
      name: "@scope/server",
      version: "1.2.3-rc.1",
      integrity: "sha512-ab+/==",
      lock,
    } as const;
    expect(formatPinned(pinned)).toBe(`npm:@scope/server@1.2.3-rc.1#sha512-ab+/==;lock=${lock}`);
    expect(parsePinned(formatPinned(pinned))).toEqual(pinned);
    const digests = `#sha512-aa==;lock=${lock}`;
    for (const text of ["", "server:1", `npm:a@^1${digests}`, `npm:../a@1.2.3${digests}`, "npm:a@1.2.3#sha512-aa=="]) {
      expect(parsePinned(text)).toBeUndefined();
    }
  });

  it("has the key that it always had: folders and approvals that are stored keep theirs", () => {
    const lock = `sha256-${"A".repeat(43)}=`;
    const pinned = { registry: "npm", name: "server", version: "1.0.0", integrity: "sha512-AAAA", lock } as const;
    expect(packageKey(pinned)).toBe("1ac599c27c5a23dd52621e92c8e8cb3bad4fc97f");
  });

  it("is another one at another registry", () => {
    const text = `pypi:mcp-server-time@2026.8.31#sha256-ab+/=;lock=sha256-${"A".repeat(43)}=`;
    expect(parsePinned(text)).toMatchObject({ registry: "pypi", name: "mcp-server-time", version: "2026.8.31" });
    expect(formatPinned(parsePinned(text) as never)).toBe(text);
    expect(parsePinned(text.replace("pypi:", "cargo:"))).toBeUndefined();
  });

  it.each([
    { because: "of npm", reference: "npm:@scope/x@^1", want: { registry: "npm", name: "@scope/x", version: "^1" } },
    {
      because: "of PyPI, by any spelling",
      reference: "pypi:MCP_Server.x@>=1,<2",
      want: { registry: "pypi", name: "mcp-server-x", version: ">=1,<2" },
    },
    { because: "an image", reference: "ghcr.io/x/y@sha256:00", want: undefined },
  ])("is read from what a backend is asked for: $because", ({ reference, want }) => {
    expect(parseRequest(reference)).toEqual(want);
  });

  it("is named by one version, or not", () => {
    const exact = (registry: "npm" | "pypi") => (version: string) => isExact({ registry, version });
    expect(["1.2.3", "1.2.3-rc.1", "2026.8.31"].every(exact("npm"))).toBe(true);
    expect(["^1.2.3", "1.2", "latest", "1.2.3 || 2.0.0"].some(exact("npm"))).toBe(false);
    expect(["1.2.3", "1.2", "2", "1.0rc1", "1!2.0.post1"].every(exact("pypi"))).toBe(true);
    expect(["==1.2.3", "1.2.*", "latest", "1.2.3-rc.1", ">=1"].some(exact("pypi"))).toBe(false);
  });
});

describe("a lock", () => {
  const own = { version: "1.2.3", resolved: "https://registry.test/s.tgz", integrity: "sha512-own" };
  const lockOf = (more: object) => ({ lockfileVersion: 3, packages: { "": {}, "node_modules/server": own, ...more } });

  it("pins the package", () => {
    expect(pinnedBy(lockOf({}), "server")).toEqual({
      ...{ registry: "npm", name: "server", version: "1.2.3", integrity: "sha512-own" },
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
