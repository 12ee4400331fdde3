import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { namesOf } from "./support/body.ts";
import { MERGE_PATCH } from "./support/client.ts";
import type { Kind } from "./support/definition.ts";
import { conformance, type Namespace } from "./support/suite.ts";
import { told } from "./support/watch.ts";

const suite = conformance();
let kind: Kind;
let ns: Namespace;
let path: string;

beforeAll(async () => {
  kind = await suite.kind();
});

beforeEach(async () => {
  ns = await suite.namespace();
  path = kind.in(ns.name);
});

const create = (name: string, metadata: object = {}) => suite.api.create(path, kind.object(name, { metadata }));
const left = async () => namesOf(await suite.api.get(path));
const emptied = () => eventually("the collection is empty", async () => (await left()).length === 0);

// https://kubernetes.io/docs/reference/using-api/api-concepts/#api-verbs
describe("the deletion of a collection", () => {
  it("deletes all of one namespace and nothing of another", async () => {
    const other = await suite.namespace();
    for (let at = 0; at < 30; at++) await create(`o-${at}`);
    await suite.api.create(kind.in(other.name), kind.object("theirs"));
    await suite.api.remove(path);
    await emptied();
    expect(namesOf(await suite.api.get(kind.in(other.name)))).toEqual(["theirs"]);
  });

  it("tells a watch of each of them", async () => {
    for (const name of ["a", "b", "c"]) await create(name);
    const { metadata } = await suite.api.get(path);
    await using watch = await suite.api.watch(path, { resourceVersion: metadata.resourceVersion });
    await suite.api.remove(path);
    expect((await watch.take(3)).map(told).toSorted()).toEqual(["DELETED a", "DELETED b", "DELETED c"]);
  });

  it("selects by label and field together", async () => {
    await create("a", { labels: { mine: "yes" } });
    await create("b", { labels: { mine: "yes" } });
    await create("c");
    await suite.api.remove(path, undefined, { labelSelector: "mine=yes", fieldSelector: "metadata.name!=a" });
    await suite.gone(`${path}/b`);
    expect(await left()).toEqual(["a", "c"]);
  });

  it("marks what a finalizer holds", async () => {
    suite.defer(() =>
      suite.api.send("PATCH", `${path}/held`, { type: MERGE_PATCH, body: { metadata: { finalizers: null } } }),
    );
    await create("held", { finalizers: ["example.com/held"] });
    await create("free");
    await suite.api.remove(path);
    await suite.gone(`${path}/free`);
    const held = await eventually("the other is marked", async () => {
      const found = await suite.api.get(`${path}/held`);
      return found.metadata.deletionTimestamp !== undefined && found;
    });
    expect(held.metadata.finalizers).toEqual(["example.com/held"]);
  });

  it("passes the propagation policy on to each", async () => {
    suite.defer(() =>
      suite.api.send("PATCH", `${path}/a`, { type: MERGE_PATCH, body: { metadata: { finalizers: null } } }),
    );
    await create("a", { finalizers: ["example.com/held"] });
    const { metadata } = await suite.api.get(path);
    await using watch = await suite.api.watch(path, { resourceVersion: metadata.resourceVersion });
    await suite.api.remove(path, { propagationPolicy: "Foreground" });
    // A garbage collector takes it away again.
    expect((await watch.next()).object.metadata.finalizers).toEqual(["example.com/held", "foregroundDeletion"]);
  });

  it("is not allowed where a kind has no such verb", async () => {
    const { status, body } = await suite.api.send("DELETE", "/api/v1/namespaces");
    expect([status, body.reason]).toEqual([405, "MethodNotAllowed"]);
  });

  it("refuses a selector that does not parse, and deletes nothing", async () => {
    await create("a");
    const { status, body } = await suite.api.send("DELETE", path, { query: { labelSelector: "mine in yes" } });
    expect([status, body.reason]).toEqual([400, "BadRequest"]);
    expect(await left()).toEqual(["a"]);
  });
});
