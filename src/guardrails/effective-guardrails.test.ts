import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { overrides, profileSpecs, profiles, rewritten } from "../../test/support/arbitrary-guardrails.ts";
import { builtInProfile } from "./built-in.ts";
import { effectiveGuardrails, type GuardrailOverrides } from "./effective-guardrails.ts";
import type { Guardrails } from "./guardrails.ts";
import { widens } from "./widens.ts";

const restricted = builtInProfile("restricted");
const open = builtInProfile("unrestricted");
const withHosts = (allowedHosts: string[] | undefined, egressAllowed = true) =>
  effectiveGuardrails({
    metadata: { name: "p" },
    spec: { ...open.spec, network: { egressAllowed, ...(allowedHosts && { allowedHosts }) } },
  }).network.egress;

describe("egress", () => {
  it.each<{ because: string; hosts: string[] | undefined; allowed?: boolean; want: object }>([
    { because: "no list is everything", hosts: undefined, want: { kind: "open" } },
    { because: "* is everything", hosts: ["*"], want: { kind: "open" } },
    { because: "* beside others is still everything", hosts: ["a.test", "*"], want: { kind: "open" } },
    { because: "an empty list is nothing", hosts: [], want: { kind: "closed" } },
    { because: "false closes whatever is listed", hosts: ["*"], allowed: false, want: { kind: "closed" } },
    { because: "and where nothing is", hosts: undefined, allowed: false, want: { kind: "closed" } },
    {
      because: "a list keeps its order and loses what it says twice",
      hosts: ["b.test", "A.test.", "a.test"],
      want: { kind: "listed", hosts: [{ name: "b.test" }, { name: "a.test" }] },
    },
  ])("$because", ({ hosts, allowed, want }) => {
    expect(withHosts(hosts, allowed)).toMatchObject(want);
  });
});

describe("an override", () => {
  it("opens nothing by egressAllowed alone where no host is listed", () => {
    const { egress } = effectiveGuardrails(restricted, { network: { egressAllowed: true } }).network;
    expect(egress).toEqual({ kind: "closed" });
  });

  it("opens nothing by a list alone where egress is closed", () => {
    const { egress } = effectiveGuardrails(restricted, { network: { allowedHosts: ["*"] } }).network;
    expect(egress).toEqual({ kind: "closed" });
  });

  it("replaces a whole list", () => {
    const standard = builtInProfile("standard");
    const { add } = effectiveGuardrails(standard, { capabilities: { add: ["CHOWN"] } }).capabilities;
    expect(add).toEqual(["CHOWN"]);
  });

  it("replaces seccomp and appArmor whole", () => {
    const own = { type: "ConfigMap", namespace: "n", name: "c", key: "k" } as const;
    expect(effectiveGuardrails(restricted, { seccomp: own }).seccomp).toEqual(own);
    expect(effectiveGuardrails(restricted, { appArmor: { type: "RuntimeDefault" } }).appArmor).toEqual({
      type: "RuntimeDefault",
    });
  });
});

describe("what is canonical", () => {
  it("sorts ports and capabilities, and cleans paths", () => {
    const guardrails = effectiveGuardrails(restricted, {
      network: { ingressPorts: [9090, 443] },
      capabilities: { add: ["SYS_TIME", "CHOWN"] },
      filesystem: { allowedMounts: ["/data/", "//data", "/cache"] },
    });
    expect(guardrails.network.ingressPorts).toEqual([443, 9090]);
    expect(guardrails.capabilities.add).toEqual(["CHOWN", "SYS_TIME"]);
    expect(guardrails.filesystem.allowedMounts).toEqual(["/data", "/cache"]);
  });

  it("is plain JSON", () => {
    fc.assert(
      fc.property(profiles, overrides, (profile, given) => {
        const guardrails = effectiveGuardrails(profile, given);
        expect(JSON.parse(JSON.stringify(guardrails))).toEqual(guardrails);
      }),
    );
  });
});

describe("refusals", () => {
  it.each<{ given: GuardrailOverrides; message: RegExp }>([
    {
      given: { network: { allowedHosts: ["a.test", "https://b.test"] } },
      message: /^spec\.guardrails\.overrides\.network\.allowedHosts\[1\]: https:\/\/b\.test: is a URL/,
    },
    {
      given: { network: { egressAllowed: false, allowedHosts: ["10.0.0.1/8"] } },
      message: /allowedHosts\[0\]: 10\.0\.0\.1\/8: has bits behind its prefix; write the range, 10\.0\.0\.0\/8/,
    },
    {
      given: { filesystem: { allowedMounts: ["/data/.."] } },
      message: /^spec\.guardrails\.overrides\.filesystem\.allowedMounts\[0\]: \/data\/\.\./,
    },
    {
      given: { resources: { maxCpu: "lots" } },
      message: /^spec\.guardrails\.overrides\.resources\.maxCpu: lots: not a/,
    },
    {
      given: { resources: { maxMemory: "256m" } },
      message: /^spec\.guardrails\.overrides\.resources\.maxMemory: 256m/,
    },
    {
      given: { seccomp: { type: "ConfigMap", name: "x" } },
      message: /^spec\.guardrails\.overrides\.seccomp: .*namespace/,
    },
    { given: { appArmor: { type: "Localhost" } }, message: /^spec\.guardrails\.overrides\.appArmor: .*name/ },
  ])("name the field of the override: $message", ({ given, message }) => {
    expect(() => effectiveGuardrails(restricted, given)).toThrow(
      expect.objectContaining({
        name: "TerminalError",
        reason: "InvalidSpec",
        message: expect.stringMatching(message),
      }),
    );
  });

  it("name the profile where the mistake is its", () => {
    const profile = {
      metadata: { name: "payments" },
      spec: { ...restricted.spec, network: { egressAllowed: true, allowedHosts: ["a b"] } },
    };
    expect(() => effectiveGuardrails(profile)).toThrow(
      /^GuardrailProfile "payments": spec\.network\.allowedHosts\[0\]: a b: is no host name/,
    );
  });
});

/** Every key that an override may name, the part of the guardrails that it decides, and the fields that it may widen. */
const KEYS: readonly {
  key: string;
  named(given: GuardrailOverrides): boolean;
  part(guardrails: Guardrails): unknown;
  widens: RegExp;
}[] = [
  {
    key: "network.egressAllowed, network.allowedHosts",
    named: ({ network }) => network?.egressAllowed !== undefined || network?.allowedHosts !== undefined,
    part: ({ network }) => network.egress,
    // Where nothing about the network is restricted any more, its ports and what its rules forbid are not either.
    widens: /^(network|capabilities)\./,
  },
  {
    key: "network.ingressPorts",
    named: ({ network }) => network?.ingressPorts !== undefined,
    part: ({ network }) => network.ingressPorts,
    widens: /^(network\.ingressPorts)$/,
  },
  {
    key: "filesystem.readOnlyRoot",
    named: ({ filesystem }) => filesystem?.readOnlyRoot !== undefined,
    part: ({ filesystem }) => filesystem.readOnlyRoot,
    widens: /^filesystem\.readOnlyRoot$/,
  },
  {
    key: "filesystem.allowedMounts",
    named: ({ filesystem }) => filesystem?.allowedMounts !== undefined,
    part: ({ filesystem }) => filesystem.allowedMounts,
    widens: /^filesystem\.allowedMounts$/,
  },
  {
    key: "capabilities.dropAll",
    named: ({ capabilities }) => capabilities?.dropAll !== undefined,
    part: ({ capabilities }) => capabilities.dropAll,
    widens: /^capabilities\.dropAll$/,
  },
  {
    key: "capabilities.add",
    named: ({ capabilities }) => capabilities?.add !== undefined,
    part: ({ capabilities }) => capabilities.add,
    widens: /^capabilities\.add$/,
  },
  {
    key: "resources.maxCpu",
    named: ({ resources }) => resources?.maxCpu !== undefined,
    part: ({ resources }) => resources.maxCpuMillis,
    widens: /^resources\.maxCpu$/,
  },
  {
    key: "resources.maxMemory",
    named: ({ resources }) => resources?.maxMemory !== undefined,
    part: ({ resources }) => resources.maxMemoryBytes,
    widens: /^resources\.maxMemory$/,
  },
  {
    key: "resources.maxPids",
    named: ({ resources }) => resources?.maxPids !== undefined,
    part: ({ resources }) => resources.maxPids,
    widens: /^resources\.maxPids$/,
  },
  ...(["enforcement", "seccomp", "appArmor", "runAsNonRoot"] as const).map((key) => ({
    key,
    named: (given: GuardrailOverrides) => given[key] !== undefined,
    part: (guardrails: Guardrails) => guardrails[key],
    widens: new RegExp(`^${key}$`),
  })),
];

describe("generated overrides", () => {
  it("change no key that they do not name", () => {
    fc.assert(
      fc.property(profiles, overrides, (profile, given) => {
        const [before, after] = [effectiveGuardrails(profile), effectiveGuardrails(profile, given)];
        for (const { key, named, part } of KEYS)
          if (!named(given)) expect({ key, value: part(after) }).toEqual({ key, value: part(before) });
        expect(after.profile).toBe(before.profile);
        expect(after.recommendedBackends).toEqual(before.recommendedBackends);
      }),
      { numRuns: 500 },
    );
  });

  it("widen no field but by a key that they name", () => {
    fc.assert(
      fc.property(profiles, overrides, (profile, given) => {
        const wider = widens(effectiveGuardrails(profile, given), effectiveGuardrails(profile));
        const mayWiden = KEYS.filter(({ named }) => named(given)).map((key) => key.widens);
        for (const { field } of wider)
          expect({ field, named: mayWiden.some((pattern) => pattern.test(field)) }).toEqual({ field, named: true });
      }),
      { numRuns: 1000 },
    );
  });

  it("give what the same profile gives in which they are written", () => {
    fc.assert(
      fc.property(profileSpecs, overrides, (spec, given) => {
        const metadata = { name: "p" };
        const merged = effectiveGuardrails({ metadata, spec }, given);
        const written = { metadata, spec: rewritten(spec, given) };
        expect(effectiveGuardrails(written)).toEqual(merged);
        expect(effectiveGuardrails(written, given)).toEqual(merged);
      }),
    );
  });
});
