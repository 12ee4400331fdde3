import { describe, expect, it } from "@jest/globals";
import { namesOf } from "./support/body.ts";
import { definition } from "./support/definition.ts";
import { configMap, secret } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";
import { told } from "./support/watch.ts";

const suite = conformance();
const DRY = { dryRun: "All" };

// https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
describe("a dry run", () => {
  it("is not seen by a watch", async () => {
    const ns = await suite.namespace();
    const path = ns.core("secrets", "real");
    await suite.api.create(ns.core("secrets"), secret("real"));
    const { metadata } = await suite.api.get(ns.core("secrets"));
    await using watch = await suite.api.watch(ns.core("secrets"), { resourceVersion: metadata.resourceVersion });
    await suite.api.create(ns.core("secrets"), secret("dry"), DRY);
    await suite.api.merge(path, { stringData: { dry: "x" } }, DRY);
    await suite.api.remove(path, undefined, DRY);
    await suite.api.create(ns.core("secrets"), secret("last"));
    expect((await watch.take(1)).map(told)).toEqual(["ADDED last"]);
  });

  it("of deletecollection names what it would delete and leaves it", async () => {
    const ns = await suite.namespace();
    for (const name of ["a", "b"]) {
      await suite.api.create(ns.core("configmaps"), configMap(name, { metadata: { labels: { mine: "yes" } } }));
    }
    await suite.api.remove(ns.core("configmaps"), undefined, { ...DRY, labelSelector: "mine=yes" });
    expect(namesOf(await suite.api.get(ns.core("configmaps"), { labelSelector: "mine=yes" }))).toEqual(["a", "b"]);
  });

  it("of a definition serves nothing", async () => {
    const kind = definition();
    await suite.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kind.definition, DRY);
    expect((await suite.api.send("GET", kind.path)).status).toBe(404);
    expect((await suite.api.send("GET", `/apis/${kind.group}`)).status).toBe(404);
  });

  it("finds the same conflict as the real write", async () => {
    const ns = await suite.namespace();
    const made = await suite.api.create(ns.core("configmaps"), configMap("stale"));
    await suite.api.merge(ns.core("configmaps", "stale"), { data: { newer: "x" } });
    const { status } = await suite.api.send("PUT", ns.core("configmaps", "stale"), { body: made, query: DRY });
    expect(status).toBe(409);
  });

  it("takes no ownership", async () => {
    const ns = await suite.namespace();
    const path = ns.core("configmaps", "owned");
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "owned" }, data: { key: "one" } };
    await suite.api.apply(path, body, { fieldManager: "first" });
    const other = { ...body, data: { key: "two" } };
    const dry = await suite.api.apply(path, other, { fieldManager: "second", force: true, ...DRY });
    expect(dry.data).toEqual({ key: "two" });
    const { status, body: refusal } = await suite.api.send("PATCH", path, {
      type: "application/apply-patch+yaml",
      body: other,
      query: { fieldManager: "second" },
    });
    expect([status, refusal.reason]).toEqual([409, "Conflict"]);
    expect(refusal.message).toContain('"first"');
  });

  it("of a namespace's deletion leaves it Active", async () => {
    const ns = await suite.namespace();
    await suite.api.remove(`/api/v1/namespaces/${ns.name}`, undefined, DRY);
    const found = await suite.api.get(`/api/v1/namespaces/${ns.name}`);
    expect(found).toMatchObject({ status: { phase: "Active" } });
    expect(found.metadata.deletionTimestamp).toBeUndefined();
  });
});
