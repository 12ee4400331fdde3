import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import type { KubeObject } from "../../src/api/meta.ts";
import { kindSchemas } from "../../src/api/v1alpha1/kinds.ts";
import { fluxHealth, type HealthCheck } from "../support/flux-health.ts";
import { startGuarded } from "../support/guarded-server.ts";
import { kstatusOf } from "../support/kstatus.ts";
import { Kubectl } from "../support/kubectl.ts";
import { backend, deployment, gateway, METADATA, note, PHASE_CASES, unseen } from "../support/phases.ts";

const FILE = "manifests/flux/health-checks.yaml";
const { spec } = parse(readFileSync(FILE, "utf8")) as { spec: { healthCheckExprs: readonly HealthCheck[] } };

function checkOf(kind: string): HealthCheck {
  const found = spec.healthCheckExprs.find((check) => check.kind === kind);
  if (!found) throw new Error(`no check for ${kind}`);
  return found;
}

/** By Argo CD's word for it. */
const BY_HEALTH = {
  Healthy: "Current",
  Suspended: "InProgress",
  Progressing: "InProgress",
  Degraded: "Failed",
} as const;

describe("a RuntimeDeployment", () => {
  it.each(PHASE_CASES)("in phase $phase is $kstatus to kstatus: $because", ({ kstatus, phase, facts }) => {
    const object = deployment(facts);
    expect(object.status?.phase).toBe(phase);
    expect(kstatusOf(object)).toBe(kstatus);
  });

  it.each(PHASE_CASES)("in phase $phase is to Flux what it is to Argo CD, $health: $because", ({ health, facts }) => {
    expect(fluxHealth(checkOf("RuntimeDeployment"), deployment(facts))).toBe(BY_HEALTH[health]);
  });

  it("is never Current by a status of an older spec, or by none", () => {
    const object = deployment({});
    const older = { ...object, metadata: { ...METADATA, generation: 4 } };
    expect([kstatusOf(older), fluxHealth(checkOf("RuntimeDeployment"), older)]).toEqual(["InProgress", "InProgress"]);
    expect(fluxHealth(checkOf("RuntimeDeployment"), unseen(object))).toBe("InProgress");
  });

  it("is Terminating to kstatus while it is deleted", () => {
    const object = deployment({});
    expect(kstatusOf({ ...object, metadata: { ...object.metadata, deletionTimestamp: "2026-01-01T12:00:00Z" } })).toBe(
      "Terminating",
    );
  });
});

describe("what else is declared", () => {
  const policy = (status: "True" | "False") => ({
    kind: "ApprovalPolicy",
    metadata: METADATA,
    status: { observedGeneration: 3, conditions: [{ type: "Accepted", status, ...note("Accepted") }] },
  });
  const profile = { kind: "GuardrailProfile", metadata: METADATA, status: { observedGeneration: 3 } };

  it.each([
    { health: "Current", because: "a backend answers", object: backend(true) },
    { health: "Failed", because: "a backend does not", object: backend(false) },
    { health: "Failed", because: "only a person can help a backend", object: backend(true, ["other"]) },
    { health: "InProgress", because: "nobody has asked a backend", object: unseen(backend(true)) },
    { health: "Current", because: "an external gateway answers", object: gateway() },
    { health: "Failed", because: "an external gateway does not", object: gateway(note("GatewayUnavailable")) },
    { health: "Current", because: "a policy can be evaluated", object: policy("True") },
    { health: "Failed", because: "a policy cannot", object: policy("False") },
    { health: "Current", because: "a profile is known", object: profile },
    { health: "InProgress", because: "a profile is not", object: unseen(profile) },
  ])("is $health to Flux when $because", ({ health, object }) => {
    expect(fluxHealth(checkOf(object.kind), object)).toBe(health);
  });

  it("has a check each, but for Approvals, which nobody applies", () => {
    const kinds = kindSchemas.map(({ names }) => names.kind).filter((kind) => kind !== "Approval");
    expect(spec.healthCheckExprs.map(({ kind }) => kind).sort()).toEqual(kinds.sort());
  });
});

describe("the component", () => {
  it("gives the checks to every Kustomization of a folder", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slipway-flux-"));
    try {
      const apps = { apiVersion: "kustomize.toolkit.fluxcd.io/v1", kind: "Kustomization", metadata: { name: "apps" } };
      await writeFile(
        join(folder, "apps.yaml"),
        JSON.stringify({ ...apps, spec: { interval: "10m", path: "./apps" } }),
      );
      const component = relative(folder, resolve("manifests/flux"));
      await writeFile(
        join(folder, "kustomization.yaml"),
        JSON.stringify({ resources: ["apps.yaml"], components: [component] }),
      );
      const built = parse(await new Kubectl("").run(["kustomize", folder])) as typeof apps & { spec: object };
      expect(built.metadata.name).toBe("apps");
      expect(built.spec).toMatchObject({ interval: "10m", path: "./apps", wait: true, ...spec });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is what the guide shows", () => {
    expect(readFileSync("docs/guides/flux.md", "utf8")).toContain(`\`\`\`text\n${readFileSync(FILE, "utf8")}\`\`\`\n`);
  });
});

describe("what is applied again", () => {
  const objects = parseAllDocuments(readFileSync("test/support/releases/first-kinds/objects.yaml", "utf8"))
    .map((document) => document.toJS() as KubeObject)
    // The controller makes Approvals, and admission takes them from nobody else.
    .filter(({ kind }) => kind !== "Approval");
  const input = objects.map((each) => JSON.stringify(each)).join("\n");

  it("changes nothing, neither by the manager that wrote it nor by a second one, and nobody fights over a field", async () => {
    await using server = await startGuarded("inprocess");
    const kubectl = new Kubectl(server.kubeconfig);
    const apply = (manager: string) =>
      kubectl.run(["apply", "--server-side", `--field-manager=${manager}`, "--validate=strict", "-f", "-"], { input });
    const seen = async () => {
      const { items } = JSON.parse(await kubectl.run(["get", "-f", "-", "-o", "json"], { input })) as {
        items: (KubeObject & { spec: unknown })[];
      };
      return items.map(({ metadata, spec }) => ({ ...metadata, spec }));
    };
    const versions = async () => (await seen()).map(({ resourceVersion }) => resourceVersion);

    await apply("kustomize-controller");
    const first = await versions();
    await apply("kustomize-controller");
    expect(await versions()).toEqual(first);
    const before = await seen();
    // A conflict would fail it.
    await apply("argocd-controller");
    const shared = await versions();
    await apply("argocd-controller");
    await apply("kustomize-controller");
    expect(await versions()).toEqual(shared);
    for (const [index, object] of (await seen()).entries()) {
      expect(object.spec).toEqual(before[index]?.spec);
      expect(object.generation).toBe(1);
      expect(object.annotations).toEqual(before[index]?.annotations);
    }
  });
});
