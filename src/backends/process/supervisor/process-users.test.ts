import { describe, expect, it } from "@jest/globals";
import { idsIn, isMapped, ownUser, UNUSED_IDS } from "./process-users.ts";

const [wide = { first: 0, last: 0 }, narrow = { first: 0, last: 0 }] = UNUSED_IDS;

describe("ids of users", () => {
  it.each([
    { because: "no namespace", map: "         0          0 4294967295\n", inWide: true, inNarrow: true },
    { because: "a rootless container", map: "0 1000 1\n1 100000 65536\n", inWide: false, inNarrow: true },
    { because: "one user alone", map: "0 1000 1\n", inWide: false, inNarrow: false },
    { because: "not told", map: "", inWide: false, inNarrow: false },
  ])("exist in their namespace or not: $because", ({ map, inWide, inNarrow }) => {
    expect([isMapped(wide, map), isMapped(narrow, map)]).toEqual([inWide, inNarrow]);
  });

  it("are read of the users that there are", () => {
    expect([...idsIn("root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/:/bin/sh")]).toEqual([0, 1000]);
  });

  it("are unprivileged, and another for each who asks", async () => {
    if (process.getuid?.() !== 0) return;
    const first = await ownUser(new Set());
    const second = await ownUser(new Set([first.uid]));
    expect(second.uid).not.toBe(first.uid);
    expect(UNUSED_IDS.some((range) => first.uid >= range.first && first.gid <= range.last)).toBe(true);
  });
});
