import { describe, expect, it } from "@jest/globals";
import type { Workload, WorkloadSpec } from "../../backends/backend.ts";
import { builtInProfile } from "../../guardrails/built-in.ts";
import { effectiveGuardrails } from "../../guardrails/effective-guardrails.ts";
import type { Guardrails } from "../../guardrails/guardrails.ts";
import { changedGuardrails } from "./changed-guardrails.ts";
import { changedByProfile, type Roll, type RollInput, rollOf } from "./roll.ts";

const guardrailsOf = (name: string): Guardrails => {
  const profile = builtInProfile(name);
  if (!profile) throw new Error(`no profile ${name}`);
  return effectiveGuardrails(profile);
};
const before = guardrailsOf("standard");
const after: Guardrails = {
  ...before,
  runAsNonRoot: true,
  filesystem: { ...before.filesystem, allowedMounts: ["/data"] },
};

const current = { hash: "old", generation: 3, guardrails: before } as Workload;
const target = { hash: "new", generation: 3, guardrails: after } as WorkloadSpec;
const input = (patch: Partial<RollInput>): RollInput => ({
  target,
  current,
  currentGeneration: 3,
  serves: true,
  failed: false,
  ...patch,
});

describe("rollOf", () => {
  it.each<{ because: string; given: Partial<RollInput>; want: Roll }>([
    { because: "it serves, and only its profile has changed", given: {}, want: "due" },
    { because: "it does not serve, so that there is nothing to keep", given: { serves: false }, want: "underway" },
    {
      because: "it was replaced and has not answered yet",
      given: { current: { ...current, hash: "new" }, serves: false },
      want: "underway",
    },
    { because: "it serves on the new revision", given: { current: { ...current, hash: "new" } }, want: "over" },
    { because: "the new revision failed", given: { failed: true }, want: "over" },
    {
      because: "the one before is gone, the next not there yet",
      given: { current: undefined, currentGeneration: undefined },
      want: "underway",
    },
    { because: "somebody edited the deployment", given: { currentGeneration: 2 }, want: "over" },
    {
      because: "a Secret has changed, not the guardrails",
      given: { target: { ...target, guardrails: before } },
      want: "over",
    },
    { because: "nobody can say what should run", given: { target: undefined }, want: "over" },
    {
      because: "it was made before guardrails were kept with it",
      given: { current: { ...current, guardrails: undefined } },
      want: "due",
    },
  ])("$want where $because", ({ given, want }) => {
    expect(rollOf(input(given))).toBe(want);
  });

  it("names what has changed", () => {
    expect(changedByProfile(input({}))).toEqual(["filesystem.allowedMounts", "runAsNonRoot"]);
    expect(changedByProfile(input({ current: { ...current, hash: "new" } }))).toEqual([]);
  });
});

describe("changedGuardrails", () => {
  it("is empty between equals, whatever the profiles are called", () => {
    expect(changedGuardrails(before, { ...before, profile: "another", recommendedBackends: [] })).toEqual([]);
  });

  it.each<{ a: string; b: string; want: string[] }>([
    {
      a: "standard",
      b: "airgapped",
      want: [
        "network.egressAllowed",
        "network.allowedHosts",
        "network.ingressPorts",
        "filesystem.allowedMounts",
        "capabilities.add",
        "resources.maxCpu",
        "resources.maxMemory",
        "resources.maxPids",
        "appArmor",
      ],
    },
    { a: "restricted", b: "restricted", want: [] },
  ])("tells $a from $b", ({ a, b, want }) => {
    expect(changedGuardrails(guardrailsOf(a), guardrailsOf(b))).toEqual(want);
    expect(changedGuardrails(guardrailsOf(b), guardrailsOf(a))).toEqual(want);
  });

  it("differs in all from what nobody knows", () => {
    expect(changedGuardrails(undefined, before)).toHaveLength(14);
  });
});
