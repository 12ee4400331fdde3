import { beforeEach, describe, expect, it } from "@jest/globals";
import { configMap } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
let ns: Namespace;
let path: string;

beforeEach(async () => {
  ns = await suite.namespace();
  path = ns.core("configmaps", "guarded");
});

const create = () => suite.api.create(ns.core("configmaps"), configMap("guarded"));
const remove = (preconditions: object) => suite.api.send("DELETE", path, { body: { preconditions } });

// DeleteOptions, https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
// and rest.BeforeDelete, staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go
describe("preconditions of a deletion", () => {
  it("let it happen when they hold", async () => {
    const { metadata } = await create();
    const { uid, resourceVersion } = metadata;
    expect((await remove({ uid, resourceVersion })).status).toBe(200);
    expect((await suite.api.send("GET", path)).status).toBe(404);
  });

  it("keep an object that was made anew", async () => {
    const { metadata } = await create();
    await suite.api.remove(path);
    await create();
    const { status, body } = await remove({ uid: metadata.uid });
    expect([status, body.reason]).toEqual([409, "Conflict"]);
    expect(body.message).toContain("the UID in the precondition");
    expect((await suite.api.send("GET", path)).status).toBe(200);
  });

  it("keep an object that was changed since", async () => {
    const { metadata } = await create();
    await suite.api.merge(path, { data: { newer: "x" } });
    const { status, body } = await remove({ resourceVersion: metadata.resourceVersion });
    expect([status, body.reason]).toEqual([409, "Conflict"]);
    expect(body.message).toContain("the ResourceVersion in the precondition");
  });

  it("let one of many deletions of the same version win", async () => {
    const { metadata } = await create();
    const { uid, resourceVersion } = metadata;
    const answers = await Promise.all(Array.from({ length: 8 }, () => remove({ uid, resourceVersion })));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    for (const status of statuses) expect([200, 404, 409]).toContain(status);
  });

  it("hold for a dry run too", async () => {
    await create();
    const { status } = await suite.api.send("DELETE", path, {
      body: { preconditions: { uid: "00000000-0000-4000-8000-000000000000" } },
      query: { dryRun: "All" },
    });
    expect(status).toBe(409);
  });

  it("find nothing to guard where there is nothing", async () => {
    const { status, body } = await remove({ uid: "00000000-0000-4000-8000-000000000000" });
    expect([status, body.reason]).toEqual([404, "NotFound"]);
  });
});
