import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { JSON_PATCH } from "./support/client.ts";
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
  await suite.api.create(
    kind.in(ns.name),
    kind.object("patched", {
      metadata: { labels: { "example.com/a": "1" } },
      spec: { color: "red", tags: ["a", "b", "c"], options: { "x/y": "1", "t~t": "2" } },
    }),
  );
});

const refused = async (body: object[]) => {
  const before = await suite.api.get(path);
  const answer = await suite.api.send("PATCH", path, { type: JSON_PATCH, body });
  expect(await suite.api.get(path)).toEqual(before);
  return answer;
};

// RFC 6902 and RFC 6901, https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-update
describe("a JSON patch", () => {
  it("reaches keys with slashes and tildes", async () => {
    const patched = await suite.api.jsonPatch(path, [
      { op: "replace", path: "/spec/options/x~1y", value: "new" },
      { op: "remove", path: "/spec/options/t~0t" },
      { op: "remove", path: "/metadata/labels/example.com~1a" },
    ]);
    expect(patched.spec).toMatchObject({ options: { "x/y": "new" } });
    expect(patched.spec).not.toHaveProperty(["options", "t~t"]);
    expect(patched.metadata.labels ?? {}).toEqual({});
  });

  it("inserts, appends, moves and copies items in the order of its operations", async () => {
    const patched = await suite.api.jsonPatch(path, [
      { op: "add", path: "/spec/tags/1", value: "x" },
      { op: "add", path: "/spec/tags/-", value: "z" },
      { op: "move", from: "/spec/tags/0", path: "/spec/tags/2" },
      { op: "copy", from: "/spec/color", path: "/spec/options/color" },
    ]);
    expect(patched.spec).toMatchObject({ tags: ["x", "b", "a", "c", "z"], options: { color: "red" } });
  });

  it("does nothing when a later operation fails", async () => {
    const { status, body } = await refused([
      { op: "replace", path: "/spec/color", value: "blue" },
      { op: "remove", path: "/spec/nothing" },
    ]);
    expect([status, body.reason]).toEqual([422, "Invalid"]);
  });

  it("does nothing when what it tests is otherwise", async () => {
    const { status, body } = await refused([
      { op: "replace", path: "/spec/color", value: "blue" },
      { op: "test", path: "/metadata/resourceVersion", value: "1" },
    ]);
    expect([status, body.reason]).toEqual([422, "Invalid"]);
  });

  it("goes on when what it tests is so", async () => {
    const { metadata } = await suite.api.get(path);
    const patched = await suite.api.jsonPatch(path, [
      { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
      { op: "replace", path: "/spec/color", value: "blue" },
    ]);
    expect(patched.spec).toMatchObject({ color: "blue" });
  });

  it("that sets another resourceVersion is a conflict", async () => {
    const { status, body } = await refused([
      { op: "replace", path: "/metadata/resourceVersion", value: "1" },
      { op: "replace", path: "/spec/color", value: "blue" },
    ]);
    expect([status, body.reason]).toEqual([409, "Conflict"]);
  });

  it("does not make the parents of what it adds", async () => {
    const { status } = await refused([{ op: "add", path: "/spec/absent/deep", value: 1 }]);
    expect(status).toBe(422);
  });

  it("of no operations writes nothing", async () => {
    const before = await suite.api.get(path);
    expect(await suite.api.jsonPatch(path, [])).toEqual(before);
  });
});
