import { describe, expect, it } from "@jest/globals";
import { findUid, parseUser, refuseRoot } from "./image-user.ts";

describe("parseUser", () => {
  it.each([
    { user: "", want: { kind: "id", uid: 0 } },
    { user: "0", want: { kind: "id", uid: 0 } },
    { user: "00", want: { kind: "id", uid: 0 } },
    { user: "+0", want: { kind: "id", uid: 0 } },
    { user: "0:1000", want: { kind: "id", uid: 0 } },
    { user: ":1000", want: { kind: "id", uid: 0 } },
    { user: "65532", want: { kind: "id", uid: 65_532 } },
    { user: "65532:0", want: { kind: "id", uid: 65_532 } },
    { user: "root", want: { kind: "name", name: "root" } },
    { user: "node:node", want: { kind: "name", name: "node" } },
    { user: "1000x", want: { kind: "name", name: "1000x" } },
  ])("reads “$user”", ({ user, want }) => {
    expect(parseUser(user)).toEqual(want);
  });
});

describe("findUid", () => {
  const passwd =
    "root:x:0:0:root:/root:/bin/sh\n# comment\n\n app:x:1000:1000::/:/bin/sh\ntoor:x:0:0::/:\nodd:x:abc:1::/:\nshort\napp:x:0:0::/:\nbig:x:4294967296:1::/:\nminus:x:-1:1::/:";
  it.each([
    { name: "root", want: 0 },
    { name: "toor", want: 0 },
    { name: "app", want: 1000 },
    { name: "odd", want: undefined },
    { name: "short", want: undefined },
    { name: "big", want: undefined },
    { name: "minus", want: undefined },
    { name: "nobody", want: undefined },
    { name: "# comment", want: undefined },
  ])("finds $name: $want", ({ name, want }) => {
    expect(findUid(passwd, name)).toBe(want);
  });
});

describe("refuseRoot", () => {
  it.each([
    { user: "", uid: 0, says: "names no user" },
    { user: "0", uid: 0, says: '"0"' },
    { user: "toor", uid: 0, says: '"toor"' },
    { user: "-1", uid: -1, says: '"-1"' },
    { user: "app", uid: undefined, says: "whom its /etc/passwd does not have" },
  ])("names the image, its user “$user” and what to do", ({ user, uid, says }) => {
    const refuse = () => refuseRoot("ghcr.io/x/y@sha256:1", user, uid);
    expect(refuse).toThrow(expect.objectContaining({ name: "TerminalError", reason: "RunsAsRoot" }));
    for (const part of ["ghcr.io/x/y@sha256:1", says, "USER 65532"]) expect(refuse).toThrow(part);
  });

  it("lets everybody else pass", () => {
    expect(() => refuseRoot("x", "65532", 65_532)).not.toThrow();
  });
});
