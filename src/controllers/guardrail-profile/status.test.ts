import { describe, expect, it } from "@jest/globals";
import { ENGINE_CAPABILITIES, guardrailCapabilities } from "../../../test/support/memory-engine.ts";
import type { GuardrailProfile, RuntimeBackend } from "../../api/v1alpha1/index.ts";
import { BUILT_IN_PROFILES } from "../../guardrails/built-in.ts";
import type { GuardrailCapabilities } from "../../guardrails/capabilities.ts";
import { reportCapabilities, reportedGuardrails } from "../runtime-backend/reported-capabilities.ts";
import { summarize } from "./status.ts";

const profile = (name: string): GuardrailProfile => {
  const found = BUILT_IN_PROFILES.find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`no profile ${name}`);
  const metadata = { name, uid: "u", resourceVersion: "1", generation: 2, creationTimestamp: "" };
  return { ...found, metadata };
};
const backend = (name: string, guardrails?: GuardrailCapabilities): RuntimeBackend =>
  ({
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeBackend",
    metadata: { name, uid: name, resourceVersion: "1", creationTimestamp: "" },
    spec: { type: "docker" },
    ...(guardrails && { status: { capabilities: reportCapabilities({ ...ENGINE_CAPABILITIES, guardrails }) } }),
  }) as RuntimeBackend;

const able = guardrailCapabilities();
const unable = guardrailCapabilities({
  "network.allowedNames": { enforcement: "NotEnforced", reason: "no nf_tables" },
});

describe("the status of a profile", () => {
  it("lists every backend that was ever asked, by name", () => {
    const backends = [backend("south", unable), backend("silent"), backend("north", able)];
    const status = summarize(profile("standard"), { deployments: 3, backends });
    expect(status).toMatchObject({ observedGeneration: 2, deployments: 3 });
    expect(status.backends?.map(({ name, compatible }) => `${name} ${compatible}`)).toEqual([
      "north true",
      "south false",
    ]);
    const fields = status.backends?.[1]?.fields ?? [];
    expect(fields).toHaveLength(13);
    expect(fields.filter(({ enforcement }) => enforcement === "NotEnforced")).toEqual([
      { field: "network.allowedHosts", enforcement: "NotEnforced", reason: expect.stringMatching(/no nf_tables/) },
    ]);
    expect(summarize(profile("standard"), { deployments: 3, backends: backends.toReversed() })).toEqual(status);
  });

  it("says of a profile that nobody can read that it holds nowhere", () => {
    const broken = profile("standard");
    const spec = { ...broken.spec, network: { egressAllowed: true, allowedHosts: ["a..b"] } };
    const { backends } = summarize({ ...broken, spec }, { deployments: 0, backends: [backend("north", able)] });
    expect(backends).toEqual([{ name: "north", compatible: false }]);
  });
});

describe("what a backend reports of itself", () => {
  it("is read back as it was written", () => {
    expect(reportedGuardrails(backend("north", unable))).toEqual({
      ...unable,
      appArmorProfiles: unable.appArmorProfiles.toSorted(),
    });
    expect(reportedGuardrails(backend("silent"))).toBeUndefined();
  });

  it("holds nothing of which an older controller did not know", () => {
    const known = backend("north", able);
    const guardrails =
      known.status?.capabilities?.guardrails?.filter(({ feature }) => feature !== "runAsNonRoot") ?? [];
    const older = { status: { capabilities: { ...known.status?.capabilities, guardrails } } };
    expect(reportedGuardrails(older)?.features.runAsNonRoot.enforcement).toBe("NotEnforced");
  });
});
