import { describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { namesOf } from "./support/body.ts";
import { MERGE_PATCH } from "./support/client.ts";
import { definition, schemaOf } from "./support/definition.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

const conditionsOf = async (path: string) =>
  ((await suite.api.get(path)).status as { conditions?: readonly Condition[] }).conditions ?? [];

// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
describe("a definition", () => {
  it("is told to a watch as it becomes Established", async () => {
    const kind = definition();
    const name = `${kind.plural}.${kind.group}`;
    await using watch = await suite.api.watch(DEFINITIONS, { fieldSelector: `metadata.name=${name}` });
    suite.removeLater(kind.path);
    await suite.api.create(DEFINITIONS, kind.definition);
    const events = await watch.until(({ object }) =>
      ((object.status as { conditions?: readonly Condition[] }).conditions ?? []).some(
        ({ type, status }) => type === "Established" && status === "True",
      ),
    );
    expect(events[0]?.type).toBe("ADDED");
  });

  it("serves its kind until it is deleted, with its objects", async () => {
    const kind = await suite.kind();
    const ns = await suite.namespace();
    for (let at = 0; at < 5; at++) await suite.api.create(kind.in(ns.name), kind.object(`o-${at}`));
    await suite.api.remove(kind.path);
    await suite.gone(kind.path);
    await suite.gone(`/apis/${kind.group}`);
    // Defined anew, the kind begins empty.
    await suite.api.create(DEFINITIONS, kind.definition);
    await suite.established(kind);
    expect((await suite.api.get(kind.in(ns.name))).items).toEqual([]);
  });

  it("that is deleted takes no new objects and waits for those that are held", async () => {
    const kind = await suite.kind();
    const ns = await suite.namespace();
    const held = kind.in(ns.name, "held");
    const free = { type: MERGE_PATCH, body: { metadata: { finalizers: null } } };
    suite.defer(() => suite.api.send("PATCH", held, free));
    await suite.api.create(kind.in(ns.name), kind.object("held", { metadata: { finalizers: ["example.com/held"] } }));
    await suite.api.remove(kind.path);
    // crdHandler sees the definition through an informer: staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go
    const late = { body: kind.object("late"), query: { dryRun: "All" } };
    await eventually("nothing new is taken", async () => {
      const { status } = await suite.api.send("POST", kind.in(ns.name), late);
      return [403, 404, 405].includes(status);
    });
    await eventually("what is held is told of", async () => {
      const found = (await conditionsOf(kind.path)).find(({ type }) => type === "Terminating");
      return found?.status === "True" && found.reason === "InstanceDeletionInProgress";
    });
    await suite.api.send("PATCH", held, free);
    await suite.gone(kind.path);
  });

  it("whose names are taken waits, and is served when they are free", async () => {
    const first = await suite.kind();
    const second = { ...first.definition, metadata: { name: `others.${first.group}` } };
    const path = `${DEFINITIONS}/others.${first.group}`;
    suite.removeLater(path);
    const names = { ...first.definition.spec.names, plural: "others", singular: "other" };
    await suite.api.create(DEFINITIONS, { ...second, spec: { ...first.definition.spec, names } });
    await eventually("the conflict is told", async () =>
      (await conditionsOf(path)).some(({ type, status }) => type === "NamesAccepted" && status === "False"),
    );
    expect((await suite.api.send("GET", `/apis/${first.group}/v1/others`)).status).toBe(404);
    await suite.api.remove(first.path);
    await suite.gone(first.path);
    await eventually("the other is served", async () => {
      return (await suite.api.send("GET", `/apis/${first.group}/v1/others`)).status === 200;
    });
  });

  it("must be named after its plural and its group", async () => {
    const { definition: body } = definition();
    const { status, body: refusal } = await suite.api.send("POST", DEFINITIONS, {
      body: { ...body, metadata: { name: "somethingelse" } },
    });
    expect([status, refusal.reason]).toEqual([422, "Invalid"]);
    expect(refusal.details.causes?.map(({ field }) => field)).toContain("metadata.name");
  });

  it("may open or close a version to requests", async () => {
    const other = { name: "v2", served: true, storage: false, schema: schemaOf() };
    const kind = await suite.kind({ versions: [other] });
    const ns = await suite.namespace();
    await suite.api.create(kind.in(ns.name), kind.object("kept"));
    const [first] = kind.definition.spec.versions;
    await suite.api.merge(kind.path, { spec: { versions: [first, { ...other, served: false }] } });
    await eventually("v2 is no longer served", async () => {
      return (await suite.api.send("GET", kind.in(ns.name, undefined, "v2"))).status === 404;
    });
    // 429 in between, "storage is (re)initializing": a kube-apiserver begins anew for a definition that has changed.
    const found = await eventually("v1 is served again", async () => {
      const { status, body } = await suite.api.send("GET", kind.in(ns.name));
      return status !== 429 && body;
    });
    expect(namesOf(found)).toEqual(["kept"]);
  });

  it("remembers every version in which objects were stored", async () => {
    const other = { name: "v2", served: true, storage: false, schema: schemaOf() };
    const kind = await suite.kind({ versions: [other] });
    const [first] = kind.definition.spec.versions;
    const versions = [
      { ...first, storage: false },
      { ...other, storage: true },
    ];
    await suite.api.merge(kind.path, { spec: { versions } });
    const found = await eventually("both are remembered", async () => {
      const { status } = await suite.api.get(kind.path);
      const { storedVersions } = status as { storedVersions: string[] };
      return storedVersions.length === 2 && storedVersions;
    });
    expect(found.toSorted()).toEqual(["v1", "v2"]);
    const { status, body } = await suite.api.send("PATCH", kind.path, {
      type: MERGE_PATCH,
      body: { spec: { versions: [versions[1]] } },
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.message).toContain("status.storedVersions[0]");
  });

  it("cannot move to another scope once it is Established", async () => {
    const kind = await suite.kind();
    const { status, body } = await suite.api.send("PATCH", kind.path, {
      type: MERGE_PATCH,
      body: { spec: { scope: "Cluster" } },
    });
    expect([status, body.details.causes?.map(({ field }) => field)]).toEqual([422, ["spec.scope"]]);
  });

  it("of kinds of the whole cluster has no namespaces in its paths", async () => {
    const kind = await suite.kind({ scope: "Cluster" });
    await suite.api.create(kind.in(""), kind.object("global"));
    expect(namesOf(await suite.api.get(kind.in("")))).toEqual(["global"]);
    const ns = await suite.namespace();
    const { status } = await suite.api.send("GET", `/apis/${kind.group}/v1/namespaces/${ns.name}/gadgets`);
    expect(status).toBe(404);
  });
});
