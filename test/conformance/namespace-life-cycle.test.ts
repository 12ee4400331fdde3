import { describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { MERGE_PATCH } from "./support/client.ts";
import { collectsCustomObjects, runsNamespaceController } from "./support/controllers.ts";
import { configMap, secret } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
const hasController = await runsNamespaceController();
const describeControlled = hasController ? describe : describe.skip;
const HELD = "example.com/held";
const pathOf = ({ name }: Namespace) => `/api/v1/namespaces/${name}`;

/** A namespace whose deletion waits for a Secret, which is let go after the case. */
async function heldNamespace(): Promise<{ ns: Namespace; release: () => Promise<unknown> }> {
  const ns = await suite.namespace();
  await suite.api.create(ns.core("secrets"), secret("held", { metadata: { finalizers: [HELD] } }));
  const free = { type: MERGE_PATCH, body: { metadata: { finalizers: null } } };
  const release = () => suite.api.send("PATCH", ns.core("secrets", "held"), free);
  suite.defer(release);
  return { ns, release };
}

// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/ and
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#namespacelifecycle
describe("a namespace that is deleted", () => {
  it("keeps its finalizer in the spec, and is Terminating while something holds it", async () => {
    const { ns } = await heldNamespace();
    await suite.api.remove(pathOf(ns));
    const found = await suite.api.get(pathOf(ns));
    expect(found).toMatchObject({ spec: { finalizers: ["kubernetes"] }, status: { phase: "Terminating" } });
    expect(found.metadata.deletionTimestamp).toBeDefined();
  });

  it("refuses new objects of any kind, however they are made", async () => {
    const { ns } = await heldNamespace();
    const kind = await suite.kind();
    await suite.api.remove(pathOf(ns));
    const attempts = [
      await suite.api.send("POST", ns.core("configmaps"), { body: configMap("late") }),
      await suite.api.send("POST", kind.in(ns.name), { body: kind.object("late") }),
      await suite.api.send("PATCH", kind.in(ns.name, "late"), {
        type: "application/apply-patch+yaml",
        body: kind.object("late"),
        query: { fieldManager: "conformance" },
      }),
    ];
    for (const { status, body } of attempts) {
      expect([status, body.reason]).toEqual([403, "Forbidden"]);
      expect(body.details.causes?.[0]).toMatchObject({ reason: "NamespaceTerminating", field: "metadata.namespace" });
    }
  });

  it("lets what is there be read and changed", async () => {
    const { ns } = await heldNamespace();
    await suite.api.remove(pathOf(ns));
    const patched = await suite.api.merge(ns.core("secrets", "held"), { metadata: { labels: { still: "here" } } });
    expect(patched.metadata.labels).toEqual({ still: "here" });
  });

  it("is not found for those who write into one that never was", async () => {
    const { status, body } = await suite.api.send("POST", "/api/v1/namespaces/conformance-absent/configmaps", {
      body: configMap("lost"),
    });
    expect([status, body.reason]).toEqual([404, "NotFound"]);
    expect(body.details).toMatchObject({ name: "conformance-absent", kind: "namespaces" });
  });

  it("carries its name as a label, which cannot be taken away", async () => {
    const ns = await suite.namespace();
    const label = "kubernetes.io/metadata.name";
    const patched = await suite.api.merge(pathOf(ns), { metadata: { labels: { [label]: null } } });
    expect(patched.metadata.labels?.[label]).toBe(ns.name);
  });
});

const why = hasController ? "" : " (skipped: no namespace controller runs)";
describeControlled(`the namespace controller${why}`, () => {
  it("removes everything of every kind, then the namespace", async () => {
    const ns = await suite.namespace();
    const kind = await suite.kind();
    for (let at = 0; at < 20; at++) await suite.api.create(ns.core("configmaps"), configMap(`c-${at}`));
    await suite.api.create(kind.in(ns.name), kind.object("custom"));
    await suite.api.create(ns.in("coordination.k8s.io/v1", "leases"), {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "lease" },
      spec: {},
    });
    await suite.api.remove(pathOf(ns));
    await suite.gone(pathOf(ns));
    const custom = collectsCustomObjects ? [kind.in(ns.name)] : [];
    for (const path of [ns.core("configmaps"), ...custom, ns.in("coordination.k8s.io/v1", "leases")]) {
      expect([path, (await suite.api.get(path)).items]).toEqual([path, []]);
    }
  });

  it("waits for finalizers, removes the rest meanwhile, and says what it waits for", async () => {
    const { ns, release } = await heldNamespace();
    await suite.api.create(ns.core("secrets"), secret("free"));
    await suite.api.remove(pathOf(ns));
    await suite.gone(ns.core("secrets", "free"));
    // namespacedResourcesDeleter, pkg/controller/namespace/deletion/status_condition_utils.go
    const waiting = await eventually("the condition is told", async () => {
      const { status } = await suite.api.get(pathOf(ns));
      const { conditions = [] } = status as { conditions?: { type: string; status: string; reason: string }[] };
      return conditions.find(({ type, status }) => type === "NamespaceFinalizersRemaining" && status === "True");
    });
    expect(waiting).toMatchObject({ reason: "SomeFinalizersRemain" });
    await release();
    await suite.gone(pathOf(ns));
  });

  it("lets a new namespace of the same name begin empty", async () => {
    const ns = await suite.namespace();
    await suite.api.create(ns.core("secrets"), secret("old"));
    const before = await suite.api.get(pathOf(ns));
    await suite.api.remove(pathOf(ns));
    await suite.gone(pathOf(ns));
    const after = await suite.api.create("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: ns.name },
    });
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect((await suite.api.get(ns.core("secrets"))).items).toEqual([]);
  });
});
