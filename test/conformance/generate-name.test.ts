import { describe, expect, it } from "@jest/globals";
import { namesOf } from "./support/body.ts";
import { configMap } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
const unnamed = (metadata: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata });

// https://kubernetes.io/docs/reference/using-api/api-concepts/#generated-values
describe("generateName", () => {
  it("gives objects that are created at once names of their own", async () => {
    const ns = await suite.namespace();
    const made = await Promise.all(
      Array.from({ length: 40 }, () => suite.api.create(ns.core("configmaps"), unnamed({ generateName: "job-" }))),
    );
    const names = new Set(made.map(({ metadata }) => metadata.name));
    expect(names.size).toBe(40);
    for (const name of names) expect(name).toMatch(/^job-[a-z0-9]{5}$/);
  });

  it("gives way to a name, and is kept", async () => {
    const ns = await suite.namespace();
    const made = await suite.api.create(ns.core("configmaps"), unnamed({ generateName: "prefix-", name: "chosen" }));
    expect(made.metadata).toMatchObject({ name: "chosen", generateName: "prefix-" });
  });

  // simpleNameGenerator, staging/src/k8s.io/apiserver/pkg/storage/names/generate.go: 63 characters with the suffix
  it("is cut so that the name has 63 characters", async () => {
    const ns = await suite.namespace();
    const { metadata } = await suite.api.create(ns.core("configmaps"), unnamed({ generateName: "x".repeat(100) }));
    expect(metadata.name).toMatch(/^x{58}[a-z0-9]{5}$/);
  });

  // ValidateObjectMetaAccessor, staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go
  it("must begin a valid name", async () => {
    const ns = await suite.namespace();
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), {
      body: unnamed({ generateName: "Not_Valid-" }),
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.details.causes?.map(({ field }) => field)).toContain("metadata.generateName");
  });

  it("names what a dry run would create, and creates nothing", async () => {
    const ns = await suite.namespace();
    const made = await suite.api.create(ns.core("configmaps"), unnamed({ generateName: "dry-" }), { dryRun: "All" });
    expect(made.metadata.name).toMatch(/^dry-[a-z0-9]{5}$/);
    const { items } = await suite.api.get(ns.core("configmaps"));
    expect(namesOf({ items }).filter((name) => name.startsWith("dry-"))).toEqual([]);
  });

  it("does not change what an update finds", async () => {
    const ns = await suite.namespace();
    const made = await suite.api.create(ns.core("configmaps"), configMap("fixed"));
    const { metadata } = await suite.api.update(ns.core("configmaps", "fixed"), {
      ...made,
      metadata: { ...made.metadata, generateName: "other-" },
    });
    expect(metadata.name).toBe("fixed");
  });
});
