import { describe, expect, it } from "@jest/globals";
import type { Confinement } from "../../../guardrails/confinement.ts";
import { NEVER_WITH_RESTRICTED_NETWORK } from "../../../guardrails/confinement.ts";
import { admitConfinement, securityOptions } from "./security-options.ts";

const open: Confinement = {
  network: undefined,
  readOnlyRoot: false,
  capabilities: { dropAll: false, add: [] },
  seccomp: { kind: "default" },
  appArmor: { kind: "default" },
  runAsNonRoot: false,
};
const closed = { egress: { kind: "closed" }, ingressPorts: [] } as const;
const all = { seccomp: true, appArmor: true, appArmorProfiles: ["mcp"] };
const none = { seccomp: false, appArmor: false, appArmorProfiles: ["mcp"] };
const profile = { kind: "profile", json: '{ "defaultAction": "SCMP_ACT_ALLOW" }' } as const;

describe("securityOptions", () => {
  it.each([
    { because: "nothing is asked for", given: {}, want: {} },
    { because: "the root is read-only", given: { readOnlyRoot: true }, want: { ReadonlyRootfs: true } },
    {
      because: "all capabilities go",
      given: { capabilities: { dropAll: true, add: ["NET_BIND_SERVICE"] } },
      want: { CapDrop: ["ALL"], CapAdd: ["NET_BIND_SERVICE"] },
    },
    {
      because: "a restricted network takes what leads past it, as far as a container would have it",
      given: { network: closed, capabilities: { dropAll: false, add: ["CHOWN"] } },
      want: { CapDrop: ["NET_RAW", "SETGID", "SETUID"], CapAdd: ["CHOWN"] },
    },
    {
      because: "neither filter nor profile",
      given: { seccomp: { kind: "unconfined" }, appArmor: { kind: "unconfined" } },
      want: { SecurityOpt: ["no-new-privileges", "seccomp=unconfined", "apparmor=unconfined"] },
    },
    {
      because: "a filter and a profile of one's own",
      given: { seccomp: profile, appArmor: { kind: "profile", name: "mcp" } },
      want: { SecurityOpt: ["no-new-privileges", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "apparmor=mcp"] },
    },
    {
      because: "a profile that is not loaded would keep the container from starting",
      given: { appArmor: { kind: "profile", name: "other" } },
      want: {},
    },
    {
      because: "an Engine without seccomp and AppArmor would refuse",
      given: { seccomp: profile, appArmor: { kind: "profile", name: "mcp" } },
      confiners: none,
      want: {},
    },
  ])("$because", ({ given, confiners = all, want }) => {
    expect(securityOptions({ ...open, ...(given as Partial<Confinement>) }, confiners)).toEqual({
      ReadonlyRootfs: false,
      CapDrop: [],
      CapAdd: [],
      SecurityOpt: ["no-new-privileges"],
      ...want,
    });
  });
});

describe("admitConfinement", () => {
  it.each(NEVER_WITH_RESTRICTED_NETWORK)("gives %s only where the network is not restricted", (name) => {
    const capabilities = { dropAll: true, add: ["CHOWN", name] };
    expect(() => admitConfinement({ ...open, capabilities })).not.toThrow();
    expect(() => admitConfinement({ ...open, capabilities, network: closed })).toThrow(
      expect.objectContaining({ name: "TerminalError", reason: "InvalidSpec", message: expect.stringContaining(name) }),
    );
  });

  it("refuses a filter that is none", () => {
    const seccomp = { kind: "profile", json: "nope" } as const;
    expect(() => admitConfinement({ ...open, seccomp })).toThrow("no JSON");
  });
});
