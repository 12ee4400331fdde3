import { beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { namesOf } from "./support/body.ts";
import type { Kind } from "./support/definition.ts";
import { secret } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";
import { told } from "./support/watch.ts";

const suite = conformance();
let kind: Kind;

beforeAll(async () => {
  kind = await suite.kind({
    version: { selectableFields: [{ jsonPath: ".spec.color" }, { jsonPath: ".spec.size" }] },
  });
});

// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors and .../field-selectors/
describe("selectors", () => {
  it("of labels take sets, absence and empty values", async () => {
    const ns = await suite.namespace();
    const labelled = { a: { tier: "web" }, b: { tier: "db" }, c: { tier: "" }, d: {} };
    for (const [name, labels] of Object.entries(labelled)) {
      await suite.api.create(ns.core("secrets"), secret(name, { metadata: { labels } }));
    }
    const found = async (labelSelector: string) =>
      namesOf(await suite.api.get(ns.core("secrets"), { labelSelector })).join("");
    expect(await found("tier in (web, db)")).toBe("ab");
    expect(await found("tier notin (web)")).toBe("bcd");
    expect(await found("tier")).toBe("abc");
    expect(await found("!tier")).toBe("d");
    expect(await found("tier=")).toBe("c");
    expect(await found("tier!=web")).toBe("bcd");
    expect(await found("tier in (,web)")).toBe("ac");
    expect(await found("tier notin (web),tier")).toBe("bc");
  });

  it("of fields and labels hold together", async () => {
    const ns = await suite.namespace();
    for (const name of ["a", "b"]) {
      await suite.api.create(ns.core("secrets"), secret(name, { metadata: { labels: { mine: name } } }));
    }
    const found = async (fieldSelector: string, labelSelector: string) =>
      namesOf(await suite.api.get(ns.core("secrets"), { fieldSelector, labelSelector }));
    expect(await found("metadata.name=a", "mine")).toEqual(["a"]);
    expect(await found("metadata.name=a", "mine=b")).toEqual([]);
    expect(await found("metadata.name!=a", "mine in (a,b)")).toEqual(["b"]);
  });

  it("find Secrets by type and Namespaces by phase", async () => {
    const ns = await suite.namespace();
    await suite.api.create(ns.core("secrets"), secret("plain"));
    await suite.api.create(ns.core("secrets"), secret("typed", { type: "example.com/own" }));
    const typed = await suite.api.get(ns.core("secrets"), { fieldSelector: "type=example.com/own" });
    expect(namesOf(typed)).toEqual(["typed"]);
    const active = await suite.api.get("/api/v1/namespaces", { fieldSelector: "status.phase=Active" });
    expect(namesOf(active)).toContain(ns.name);
  });

  it("find custom objects by the fields that their definition names, numbers as text", async () => {
    const ns = await suite.namespace();
    const path = kind.in(ns.name);
    await suite.api.create(path, kind.object("red-1", { spec: { color: "red", size: 1 } }));
    await suite.api.create(path, kind.object("red-2", { spec: { color: "red", size: 2 } }));
    await suite.api.create(path, kind.object("plain"));
    const found = async (fieldSelector: string) => namesOf(await suite.api.get(path, { fieldSelector }));
    expect(await found("spec.color=red")).toEqual(["red-1", "red-2"]);
    expect(await found("spec.color=red,spec.size=2")).toEqual(["red-2"]);
    expect(await found("spec.color!=red")).toEqual(["plain"]);
    expect(await found("spec.color=")).toEqual(["plain"]);
  });

  it("delete no more than they select", async () => {
    const ns = await suite.namespace();
    const path = kind.in(ns.name);
    await suite.api.create(path, kind.object("red", { spec: { color: "red" } }));
    await suite.api.create(path, kind.object("blue", { spec: { color: "blue" } }));
    await suite.api.remove(path, undefined, { fieldSelector: "spec.color=red" });
    await suite.gone(kind.in(ns.name, "red"));
    expect(namesOf(await suite.api.get(path))).toEqual(["blue"]);
  });

  it("of a field that is not selectable are a bad request", async () => {
    const ns = await suite.namespace();
    const { status, body } = await suite.api.send("GET", kind.in(ns.name), {
      query: { fieldSelector: "spec.replicas=1" },
    });
    expect([status, body.reason]).toEqual([400, "BadRequest"]);
    expect(body.message).toContain("field label not supported: spec.replicas");
  });

  it("show the watcher an object while it matches, by field", async () => {
    const ns = await suite.namespace();
    const path = kind.in(ns.name);
    const { metadata } = await suite.api.get(path);
    await using watch = await suite.api.watch(path, {
      fieldSelector: "spec.color=red",
      resourceVersion: metadata.resourceVersion,
    });
    await suite.api.create(path, kind.object("turning", { spec: { color: "blue" } }));
    await suite.api.merge(`${path}/turning`, { spec: { color: "red" } });
    await suite.api.merge(`${path}/turning`, { spec: { size: 2 } });
    await suite.api.merge(`${path}/turning`, { spec: { color: "green" } });
    await suite.api.merge(`${path}/turning`, { spec: { color: "red" } });
    await suite.api.remove(`${path}/turning`);
    expect((await watch.take(5)).map(told)).toEqual([
      "ADDED turning",
      "MODIFIED turning",
      "DELETED turning",
      "ADDED turning",
      "DELETED turning",
    ]);
  });

  it("are read anew when the definition changes its selectable fields", async () => {
    const other = await suite.kind();
    const ns = await suite.namespace();
    await suite.api.create(other.in(ns.name), other.object("red", { spec: { color: "red" } }));
    const query = { fieldSelector: "spec.color=red" };
    expect((await suite.api.send("GET", other.in(ns.name), { query })).status).toBe(400);
    const [version] = other.definition.spec.versions;
    const versions = [{ ...version, selectableFields: [{ jsonPath: ".spec.color" }] }];
    await suite.api.merge(other.path, { spec: { versions } });
    const { body } = await eventually("the field is selectable", async () => {
      const answer = await suite.api.send("GET", other.in(ns.name), { query });
      return answer.status === 200 && answer;
    });
    expect(namesOf(body)).toEqual(["red"]);
  });
});
