import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { managersOf } from "./support/body.ts";
import { APPLY_PATCH } from "./support/client.ts";
import type { Kind } from "./support/definition.ts";
import { configMap, deployment } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
let kind: Kind;
let ns: Namespace;
let path: string;

beforeAll(async () => {
  kind = await suite.kind();
});

beforeEach(async () => {
  ns = await suite.namespace();
  path = kind.in(ns.name, "applied");
});

const spec = (rest: object) => kind.object("applied", { spec: rest });
const apply = (fieldManager: string, rest: object, force = false) =>
  suite.api.apply(path, spec(rest), { fieldManager, force });
const tryApply = (fieldManager: string, rest: object) =>
  suite.api.send("PATCH", path, { type: APPLY_PATCH, body: spec(rest), query: { fieldManager } });

// https://kubernetes.io/docs/reference/using-api/server-side-apply/
describe("server-side apply", () => {
  it("lets several managers own parts of the items of a map list", async () => {
    await apply("one", { ports: [{ port: 80, name: "http" }] });
    await apply("two", {
      ports: [
        { port: 80, target: 8080 },
        { port: 90, name: "metrics" },
      ],
    });
    const shared = await apply("one", { ports: [{ port: 80, name: "web" }] });
    expect(shared.spec).toMatchObject({
      ports: [
        { port: 80, name: "web", target: 8080 },
        { port: 90, name: "metrics" },
      ],
    });
    // What one lets go of goes, what two owns of the same item stays.
    const less = await apply("one", {});
    expect(less.spec).toMatchObject({
      ports: [
        { port: 80, target: 8080 },
        { port: 90, name: "metrics" },
      ],
    });
    const { ports } = (await apply("two", {})).spec as { ports?: object[] | null };
    expect(ports ?? []).toEqual([]);
  });

  it("lets several managers share a set, each its own items", async () => {
    await apply("one", { tags: ["a", "b"] });
    await apply("two", { tags: ["b", "c"] });
    const tagsAfter = async (manager: string, tags: string[]) =>
      ((await apply(manager, { tags })).spec as { tags: string[] }).tags.toSorted();
    expect(await tagsAfter("one", ["a"])).toEqual(["a", "b", "c"]);
    expect(await tagsAfter("two", ["c"])).toEqual(["a", "c"]);
  });

  it("gives both ownership of a value on which they agree", async () => {
    await apply("one", { color: "red" });
    await apply("two", { color: "red" });
    const { status, body } = await tryApply("one", { color: "blue" });
    expect([status, body.reason]).toEqual([409, "Conflict"]);
    expect(body.details.causes).toEqual([
      { reason: "FieldManagerConflict", message: expect.stringContaining('"two"'), field: ".spec.color" },
    ]);
    expect((await apply("one", {})).spec).toMatchObject({ color: "red" });
    expect((await apply("two", {})).spec).not.toHaveProperty("color");
  });

  it("changes nothing when one of many fields is in conflict", async () => {
    await apply("one", { color: "red" });
    const { status } = await tryApply("two", { color: "blue", size: 3 });
    expect(status).toBe(409);
    expect((await suite.api.get(path)).spec).toEqual({ color: "red", replicas: 1 });
  });

  it("takes a field away from its owner by force, who then no longer removes it", async () => {
    await apply("one", { color: "red", size: 1 });
    await apply("two", { color: "blue" }, true);
    const { spec: left } = await apply("one", { size: 1 });
    expect(left).toMatchObject({ color: "blue", size: 1 });
  });

  it("gives a field back to whoever updates it", async () => {
    await apply("one", { color: "red" });
    await suite.api.merge(path, { spec: { color: "blue" } }, { fieldManager: "editor" });
    const { status, body } = await tryApply("one", { color: "red" });
    expect(status).toBe(409);
    expect(body.message).toContain('conflict with "editor"');
    // To let go of it is no conflict, and leaves the editor's value.
    expect((await apply("one", {})).spec).toMatchObject({ color: "blue" });
  });

  it("keeps the status for its manager apart from the rest", async () => {
    await apply("one", { color: "red" });
    const status = {
      ...kind.object("applied"),
      status: { phase: "Up", conditions: [{ type: "Ready", status: "True" }] },
    };
    const reported = await suite.api.apply(`${path}/status`, status, { fieldManager: "controller" });
    expect(managersOf(reported).toSorted()).toEqual(["controller/Apply/status", "one/Apply"]);
    const other = { ...kind.object("applied"), status: { conditions: [{ type: "Synced", status: "True" }] } };
    await suite.api.apply(`${path}/status`, other, { fieldManager: "other" });
    const less = await suite.api.apply(
      `${path}/status`,
      { ...kind.object("applied"), status: { phase: "Up" } },
      { fieldManager: "controller" },
    );
    expect(less.status).toEqual({ phase: "Up", conditions: [{ type: "Synced", status: "True" }] });
    expect(less.spec).toMatchObject({ color: "red" });
  });

  it("ignores the status at the main resource, and owns none of it", async () => {
    const applied = await suite.api.apply(
      path,
      { ...kind.object("applied", { spec: { color: "red" } }), status: { phase: "Up" } },
      { fieldManager: "one" },
    );
    expect(applied.status).toBeUndefined();
    expect(JSON.stringify(applied.metadata.managedFields)).not.toContain("f:status");
  });

  it("by one manager twice is one entry, whose time stays when nothing changes", async () => {
    const first = await apply("one", { color: "red" });
    const second = await apply("one", { color: "red" });
    expect(second).toEqual(first);
    expect(managersOf(await apply("one", { color: "blue" }))).toEqual(["one/Apply"]);
  });

  it("makes anew what was deleted", async () => {
    const first = await apply("one", { color: "red" });
    await suite.api.remove(path);
    const second = await apply("one", { color: "red" });
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
  });

  it("by many managers at once loses nobody's fields", async () => {
    const managers = Array.from({ length: 10 }, (_, at) => `m-${at}`);
    await apply("base", { color: "red" });
    await Promise.all(managers.map((manager) => apply(manager, { options: { [manager]: "yes" } })));
    const found = await suite.api.get(path);
    expect(found.spec).toMatchObject({ options: Object.fromEntries(managers.map((manager) => [manager, "yes"])) });
    expect(managersOf(found)).toHaveLength(11);
  });

  // An apply creates within GuaranteedUpdate, which begins anew when somebody else was faster:
  // staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go
  it("by many managers at once makes one object, which is everybody's", async () => {
    const managers = Array.from({ length: 6 }, (_, at) => `m-${at}`);
    const answers = await Promise.all(
      managers.map((fieldManager) =>
        suite.api.send("PATCH", path, {
          type: APPLY_PATCH,
          body: spec({ options: { [fieldManager]: "yes" } }),
          query: { fieldManager },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 200, 201]);
    const found = await suite.api.get(path);
    expect(found.spec).toMatchObject({ options: Object.fromEntries(managers.map((manager) => [manager, "yes"])) });
  });

  it("owns what a Scale has set, until it is set by somebody else", async () => {
    const scaled = ns.in("apps/v1", "deployments", "web");
    const { spec: full, ...rest } = deployment("web");
    const { replicas: _, ...template } = full;
    await suite.api.apply(scaled, { ...rest, spec: template }, { fieldManager: "owner" });
    await suite.api.merge(`${scaled}/scale`, { spec: { replicas: 0 } }, { fieldManager: "scaler" });
    const found = await suite.api.get(scaled);
    expect(managersOf(found)).toContain("scaler/Update/scale");
    const { status, body } = await suite.api.send("PATCH", scaled, {
      type: APPLY_PATCH,
      body: { ...rest, spec: { ...template, replicas: 3 } },
      query: { fieldManager: "owner" },
    });
    expect(status).toBe(409);
    expect(body.message).toContain('"scaler"');
  });

  it("takes YAML", async () => {
    const body = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  text: |\n    one\n    two\n`;
    const { status, body: made } = await suite.api.send("PATCH", ns.core("configmaps", "yaml"), {
      type: APPLY_PATCH,
      body,
      query: { fieldManager: "one" },
    });
    expect([status, made.data]).toEqual([201, { text: "one\ntwo\n" }]);
  });

  // https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields
  it("knows no owner once managedFields are cleared", async () => {
    await suite.api.apply(ns.core("configmaps", "c"), configMap("c", { data: { a: "1" } }), { fieldManager: "one" });
    await suite.api.merge(ns.core("configmaps", "c"), { metadata: { managedFields: [{}] } });
    const found = await suite.api.get(ns.core("configmaps", "c"));
    expect(found.metadata.managedFields).toBeUndefined();
    const taken = await suite.api.apply(ns.core("configmaps", "c"), configMap("c", { data: { a: "2" } }), {
      fieldManager: "two",
      force: true,
    });
    expect(taken.data).toEqual({ a: "2" });
  });

  // ValidateFieldManager: at most 128 printable characters,
  // staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go
  it("has managers of at most 128 characters", async () => {
    await apply("m".repeat(128), { color: "red" });
    const { status, body } = await tryApply("m".repeat(129), { color: "red" });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.details.causes?.[0]?.field).toBe("fieldManager");
  });
});
