import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { MERGE_PATCH } from "./support/client.ts";
import type { Kind } from "./support/definition.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
let kind: Kind;
let path: string;

beforeAll(async () => {
  kind = await suite.kind();
});

beforeEach(async () => {
  const ns = await suite.namespace();
  path = kind.in(ns.name, "patched");
  const spec = { color: "red", tags: ["a", "b"], options: { a: "1", b: "2" }, ports: [{ port: 1, name: "one" }] };
  await suite.api.create(kind.in(ns.name), kind.object("patched", { spec }));
});

// RFC 7386
describe("a merge patch", () => {
  it("merges objects, and replaces lists whatever their type", async () => {
    const patched = await suite.api.merge(path, {
      spec: { options: { b: "new", c: "3" }, tags: ["c"], ports: [{ port: 2 }] },
    });
    expect(patched.spec).toEqual({
      color: "red",
      replicas: 1,
      options: { a: "1", b: "new", c: "3" },
      tags: ["c"],
      ports: [{ port: 2 }],
    });
  });

  it("removes what it nulls, and does not mind what is not there", async () => {
    const patched = await suite.api.merge(path, { spec: { color: null, options: { a: null, nothing: null } } });
    expect(patched.spec).toEqual({
      replicas: 1,
      options: { b: "2" },
      tags: ["a", "b"],
      ports: [{ port: 1, name: "one" }],
    });
  });

  it("that changes nothing writes nothing", async () => {
    const before = await suite.api.get(path);
    const after = await suite.api.merge(path, { spec: { color: "red", tags: ["a", "b"] } });
    expect(after).toEqual(before);
  });

  it("with a resourceVersion is for that version only", async () => {
    const before = await suite.api.get(path);
    await suite.api.merge(path, { spec: { color: "blue" } });
    const { status, body } = await suite.api.send("PATCH", path, {
      type: MERGE_PATCH,
      body: { metadata: { resourceVersion: before.metadata.resourceVersion }, spec: { color: "green" } },
    });
    expect([status, body.reason]).toEqual([409, "Conflict"]);
    expect((await suite.api.get(path)).spec).toMatchObject({ color: "blue" });
  });

  // A patch, unlike an update, has no uid as precondition: patchResource, staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go
  it("cannot make it another object", async () => {
    const { status, body } = await suite.api.send("PATCH", path, {
      type: MERGE_PATCH,
      body: { metadata: { uid: "00000000-0000-4000-8000-000000000000" }, spec: { color: "green" } },
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.details.causes?.[0]).toMatchObject({ field: "metadata.uid" });
  });

  it("does not touch what the server owns", async () => {
    const before = await suite.api.get(path);
    const { metadata } = await suite.api.merge(path, {
      metadata: { creationTimestamp: "2001-01-01T00:00:00Z", generation: 99 },
    });
    expect(metadata.creationTimestamp).toBe(before.metadata.creationTimestamp);
    expect(metadata.generation).toBe(before.metadata.generation);
  });

  it("creates nothing", async () => {
    const { status, body } = await suite.api.send("PATCH", `${path}-absent`, { type: MERGE_PATCH, body: { spec: {} } });
    expect([status, body.reason]).toEqual([404, "NotFound"]);
  });
});
