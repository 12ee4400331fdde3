import { describe, expect, it } from "@jest/globals";
import { seccompProfile } from "./seccomp-profile.ts";

const rule = {
  names: ["getpid"],
  action: "SCMP_ACT_ERRNO",
  errnoRet: 1,
  args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }],
};
const profile = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], syscalls: [rule] };

describe("seccompProfile", () => {
  it("takes what the Engine takes, and makes it short", () => {
    expect(seccompProfile(JSON.stringify(profile, null, 4))).toBe(JSON.stringify(profile));
    const old = {
      ...profile,
      syscalls: [{ name: "getpid", action: "SCMP_ACT_KILL", args: null, includes: { caps: ["X"] } }],
    };
    expect(seccompProfile(JSON.stringify(old))).toBe(JSON.stringify(old));
    expect(seccompProfile('{"defaultAction":"SCMP_ACT_ERRNO"}')).toContain("ERRNO");
  });

  it.each([
    { because: "it is no JSON", text: "{", says: "is no JSON" },
    { because: "it is a list", text: "[]", says: "must be an object" },
    { because: "nothing is said", text: "{}", says: "defaultAction is missing" },
    { because: "there is no such action", given: { defaultAction: "ALLOW" }, says: 'defaultAction is "ALLOW"' },
    {
      because: "a program outside would decide",
      given: { syscalls: [{ ...rule, action: "SCMP_ACT_NOTIFY" }] },
      says: "syscalls[0].action",
    },
    { because: "it names a socket of the Engine's machine", given: { listenerPath: "/run/x" }, says: "listenerPath" },
    { because: "its rules are no list", given: { syscalls: {} }, says: "syscalls must be a list" },
    { because: "a rule is for nothing", given: { syscalls: [{ ...rule, names: [] }] }, says: "syscalls[0].names" },
    { because: "a rule has two names", given: { syscalls: [{ ...rule, name: "x" }] }, says: "both name and names" },
    { because: "its arguments are none", given: { syscalls: [{ ...rule, args: [1] }] }, says: "syscalls[0].args" },
    { because: "it knows architectures twice", given: { archMap: [{}] }, says: "both architectures and archMap" },
    { because: "it is too long", given: { x: "y".repeat(128 * 1024) }, says: "bytes" },
  ])("refuses a profile: $because", ({ text, given, says }) => {
    const read = () => seccompProfile(text ?? JSON.stringify({ ...profile, ...given }));
    expect(read).toThrow(expect.objectContaining({ name: "TerminalError", reason: "InvalidSpec" }));
    expect(read).toThrow(says);
  });
});
