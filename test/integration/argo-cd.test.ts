import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import type { KubeObject } from "../../src/api/meta.ts";
import type { RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { kindSchemas } from "../../src/api/v1alpha1/kinds.ts";
import { argoHealth } from "../support/argo-health.ts";
import { backend, deployment, gateway, METADATA, note, PHASE_CASES, unseen } from "../support/phases.ts";

const FILE = "manifests/argo-cd/argocd-cm.yaml";
const { data } = parse(readFileSync(FILE, "utf8")) as { data: Record<string, string> };
function healthOf(object: { readonly kind: string; readonly [field: string]: unknown } | KubeObject): string {
  const { status, message } = argoHealth(
    data[`resource.customizations.health.slipway.dev_${object.kind}`] ?? "",
    object,
  );
  expect(message).not.toBe("");
  return status;
}

describe("a RuntimeDeployment", () => {
  it.each(PHASE_CASES)("is $health in phase $phase: $because", ({ health, phase, facts }) => {
    const object = deployment(facts);
    expect(object.status?.phase).toBe(phase);
    expect(healthOf(object)).toBe(health);
  });

  it("has a case for each phase", () => {
    const schema = kindSchemas.find(({ names }) => names.kind === "RuntimeDeployment");
    const phases = schema?.status?.properties?.phase?.enum;
    expect(new Set(PHASE_CASES.map(({ phase }) => phase))).toEqual(new Set(phases));
  });

  it("is Progressing while its status is that of an older spec, or it has none", () => {
    const { status, ...object } = deployment({});
    expect(healthOf(object)).toBe("Progressing");
    expect(healthOf({ ...object, metadata: { ...METADATA, generation: 4 }, status } as RuntimeDeployment)).toBe(
      "Progressing",
    );
  });

  it("is Progressing while it is deleted, whatever its status still says", () => {
    const object = deployment({});
    const metadata = { ...object.metadata, deletionTimestamp: "2026-01-01T12:00:00Z" };
    expect(healthOf({ ...object, metadata })).toBe("Progressing");
  });
});

describe("an Approval", () => {
  it.each([
    { phase: "Pending", health: "Suspended" },
    { phase: "Approved", health: "Healthy" },
    { phase: "Rejected", health: "Degraded" },
    { phase: "Expired", health: "Degraded" },
    { phase: "Superseded", health: "Healthy" },
  ])("that is $phase is $health", ({ phase, health }) => {
    const conditions = [{ type: "Approved", status: phase === "Approved" ? "True" : "False", ...note(phase) }];
    const object = { kind: "Approval", metadata: METADATA, status: { observedGeneration: 3, phase, conditions } };
    expect(healthOf(object)).toBe(health);
    const schema = kindSchemas.find(({ names }) => names.kind === "Approval");
    expect(schema?.status?.properties?.phase?.enum).toHaveLength(5);
  });
});

describe("a RuntimeBackend", () => {
  it.each([
    { health: "Healthy", because: "it answers", given: backend(true) },
    { health: "Degraded", because: "it does not", given: backend(false) },
    { health: "Degraded", because: "only a person can help", given: backend(true, ["other"]) },
    { health: "Progressing", because: "nobody has asked it", given: unseen(backend(true)) },
  ])("is $health when $because", ({ health, given }) => {
    expect(healthOf(given)).toBe(health);
  });
});

describe("an McpGateway", () => {
  it.each([
    { health: "Healthy", because: "it answers", given: gateway() },
    { health: "Degraded", because: "it does not", given: gateway(note("GatewayUnavailable")) },
    { health: "Progressing", because: "nobody has asked it", given: unseen(gateway()) },
  ])("is $health when $because", ({ health, given }) => {
    expect(healthOf(given)).toBe(health);
  });
});

describe("a policy", () => {
  const policy = (conditions: readonly object[]) => ({
    kind: "ApprovalPolicy",
    metadata: METADATA,
    status: { observedGeneration: 3, conditions },
  });
  it.each([
    {
      health: "Healthy",
      because: "its rules can be evaluated",
      given: policy([{ type: "Accepted", status: "True", ...note("Accepted") }]),
    },
    {
      health: "Degraded",
      because: "a rule cannot",
      given: policy([{ type: "Accepted", status: "False", ...note("InvalidRule") }]),
    },
    {
      health: "Degraded",
      because: "notices do not arrive",
      given: policy([
        { type: "Accepted", status: "True", ...note("Accepted") },
        { type: "NotificationsDelivered", status: "False", ...note("NotificationsFailed") },
      ]),
    },
    {
      health: "Healthy",
      because: "a profile is known",
      given: { kind: "GuardrailProfile", metadata: METADATA, status: { observedGeneration: 3 } },
    },
    { health: "Progressing", because: "a profile is not", given: { kind: "GuardrailProfile", metadata: METADATA } },
  ])("is $health when $because", ({ health, given }) => {
    expect(healthOf(given)).toBe(health);
  });
});

describe("the file", () => {
  it("has a check for each kind", () => {
    const kinds = kindSchemas.map(({ names }) => `resource.customizations.health.slipway.dev_${names.kind}`);
    expect(
      Object.keys(data)
        .filter((key) => key.includes(".health."))
        .sort(),
    ).toEqual(kinds.sort());
  });

  it("is what the guide shows", () => {
    expect(readFileSync("docs/guides/argo-cd.md", "utf8")).toContain(
      `\`\`\`yaml\n${readFileSync(FILE, "utf8")}\`\`\`\n`,
    );
  });
});
