import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { Answer } from "./support/client.ts";
import type { Kind } from "./support/definition.ts";
import { secret } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";
const METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
let kind: Kind;
let ns: Namespace;

interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly type: string; readonly priority: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object: object }[];
}

const columns = [
  { name: "Color", type: "string", jsonPath: ".spec.color" },
  { name: "Size", type: "integer", jsonPath: ".spec.size", priority: 1 },
  { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: "Made", type: "date", jsonPath: ".metadata.creationTimestamp" },
];

beforeAll(async () => {
  kind = await suite.kind({ version: { additionalPrinterColumns: columns } });
});

beforeEach(async () => {
  ns = await suite.namespace();
});

const tableOf = ({ body }: Answer) => body as unknown as Table;
const ask = (path: string, accept: string, query = {}) => suite.api.send("GET", path, { headers: { accept }, query });

// https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
describe("a Table", () => {
  it("has the definition's columns after the name, with their priorities", async () => {
    await suite.api.create(kind.in(ns.name), kind.object("one", { spec: { color: "red", size: 3 } }));
    const ready = { status: { conditions: [{ type: "Ready", status: "True" }] } };
    await suite.api.merge(`${kind.in(ns.name, "one")}/status`, ready);
    const { columnDefinitions, rows } = tableOf(await ask(kind.in(ns.name), TABLE));
    expect(columnDefinitions.map(({ name, priority }) => `${name} ${priority}`)).toEqual([
      "Name 0",
      "Color 0",
      "Size 1",
      "Ready 0",
      "Made 0",
    ]);
    expect(rows[0]?.cells.slice(0, 4)).toEqual(["one", "red", 3, "True"]);
    expect(rows[0]?.object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "one" } });
  });

  it("shows nothing, as null, where a field is absent", async () => {
    await suite.api.create(kind.in(ns.name), kind.object("bare"));
    const { rows } = tableOf(await ask(kind.in(ns.name, "bare"), TABLE));
    expect(rows[0]?.cells.slice(1, 3)).toEqual([null, null]);
  });

  it("is sent to those who would rather have it, and JSON to those who cannot", async () => {
    await suite.api.create(kind.in(ns.name), kind.object("one"));
    const both = await ask(kind.in(ns.name), `${TABLE},application/json`);
    expect(both.body.kind).toBe("Table");
    const unknown = await ask(kind.in(ns.name), "application/json;as=Unknown;v=v1;g=meta.k8s.io,application/json");
    expect(unknown.body.kind).toBe("GadgetList");
    const refused = await ask(kind.in(ns.name), "application/json;as=Unknown;v=v1;g=meta.k8s.io");
    expect([refused.status, refused.body.reason]).toEqual([406, "NotAcceptable"]);
  });

  it("of a watch has its columns in the first event", async () => {
    const watcher = suite.api.with({ accept: TABLE });
    await using watch = await watcher.watch(kind.in(ns.name));
    await suite.api.create(kind.in(ns.name), kind.object("one", { spec: { color: "red" } }));
    await suite.api.merge(kind.in(ns.name, "one"), { spec: { color: "blue" } });
    const [added, modified] = await watch.take(2);
    const [first, second] = [added, modified].map((event) => event?.object as unknown as Table);
    expect(first?.columnDefinitions.map(({ name }) => name)).toContain("Color");
    // Later ones leave out what the client knows by then: toTable, apiserver/pkg/endpoints/handlers/response.go
    expect(second?.columnDefinitions ?? []).toEqual([]);
    expect([first?.rows[0]?.cells[1], second?.rows[0]?.cells[1]]).toEqual(["red", "blue"]);
  });

  it("carries the whole object, or none, when asked to", async () => {
    await suite.api.create(kind.in(ns.name), kind.object("one", { spec: { color: "red" } }));
    const whole = tableOf(await ask(kind.in(ns.name), TABLE, { includeObject: "Object" }));
    expect(whole.rows[0]?.object).toMatchObject({ kind: "Gadget", spec: { color: "red" } });
    const none = tableOf(await ask(kind.in(ns.name), TABLE, { includeObject: "None" }));
    expect(none.rows[0]?.object ?? null).toBeNull();
  });

  it("of Secrets shows how many keys they have, not what is in them", async () => {
    await suite.api.create(ns.core("secrets"), secret("two", { stringData: { a: "hidden", b: "hidden" } }));
    const answer = await ask(ns.core("secrets"), TABLE);
    expect(tableOf(answer).rows[0]?.cells.slice(0, 3)).toEqual(["two", "Opaque", 2]);
    expect(answer.text).not.toContain("hidden");
    expect(answer.text).not.toContain(Buffer.from("hidden").toString("base64"));
  });
});

// https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
describe("PartialObjectMetadata", () => {
  it("is an object's metadata, in its own type", async () => {
    const labels = { mine: "yes" };
    const made = await suite.api.create(kind.in(ns.name), kind.object("one", { metadata: { labels } }));
    const { body } = await ask(kind.in(ns.name, "one"), METADATA);
    expect(body).toEqual({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: made.metadata });
  });

  it("of a list and of a watch carries no spec", async () => {
    await suite.api.create(kind.in(ns.name), kind.object("one", { spec: { color: "red" } }));
    const { body } = await ask(kind.in(ns.name), METADATA_LIST);
    expect(body.kind).toBe("PartialObjectMetadataList");
    expect(Object.keys(body.items[0] ?? {}).toSorted()).toEqual(["apiVersion", "kind", "metadata"]);
    await using watch = await suite.api.with({ accept: METADATA }).watch(kind.in(ns.name));
    const { object } = await watch.next();
    expect(object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "one" } });
    expect(object).not.toHaveProperty("spec");
  });

  it("is answered to a deletion and a patch as well", async () => {
    await suite.api.create(kind.in(ns.name), kind.object("one"));
    const patched = await suite.api.send("PATCH", kind.in(ns.name, "one"), {
      type: "application/merge-patch+json",
      body: { metadata: { labels: { a: "b" } } },
      headers: { accept: METADATA },
    });
    expect(patched.body).toMatchObject({ kind: "PartialObjectMetadata", metadata: { labels: { a: "b" } } });
  });
});
