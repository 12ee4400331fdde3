import { beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import type { Body } from "./support/body.ts";
import { MERGE_PATCH } from "./support/client.ts";
import { runsGarbageCollector } from "./support/controllers.ts";
import { configMap } from "./support/objects.ts";
import { conformance, type Namespace, suffix } from "./support/suite.ts";

const suite = conformance();
const HELD = "example.com/held";
const hasCollector = await runsGarbageCollector();
const describeCollected = hasCollector ? describe : describe.skip;
let ns: Namespace;

beforeEach(async () => {
  ns = await suite.namespace();
});

const at = (name: string) => ns.core("configmaps", name);
const reference = ({ metadata: { name, uid } }: Body, rest: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name,
  uid,
  ...rest,
});
const create = (name: string, metadata: object = {}) =>
  suite.api.create(ns.core("configmaps"), configMap(name, { metadata }));
const childOf = (name: string, ...ownerReferences: object[]) => create(name, { ownerReferences });
const exists = async (name: string) => (await suite.api.send("GET", at(name))).status === 200;

function letGoLater(name: string): void {
  suite.defer(() => suite.api.send("PATCH", at(name), { type: MERGE_PATCH, body: { metadata: { finalizers: null } } }));
}

/** Something with an absent owner is collected after whatever was to be collected before it. */
async function collectorHasPassed(): Promise<void> {
  const marker = `marker-${suffix()}`;
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: "absent", uid: "00000000-0000-4000-8000-000000000000" };
  await childOf(marker, owner);
  await suite.gone(at(marker));
}

// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion
describeCollected(`owners${hasCollector ? "" : " (skipped: no garbage collector runs)"}`, () => {
  it("deleted in the background leave no descendants", async () => {
    const grandparent = await create("grandparent");
    const parent = await childOf("parent", reference(grandparent));
    await childOf("child", reference(parent));
    await suite.api.remove(at("grandparent"), { propagationPolicy: "Background" });
    await suite.gone(at("child"));
    expect(await exists("parent")).toBe(false);
  });

  it("deleted in the foreground wait for the children that block them", async () => {
    const owner = await create("owner");
    letGoLater("child");
    await create("child", {
      ownerReferences: [reference(owner, { blockOwnerDeletion: true })],
      finalizers: [HELD],
    });
    await suite.api.remove(at("owner"), { propagationPolicy: "Foreground" });
    await eventually("the child is deleted", async () => (await suite.api.get(at("child"))).metadata.deletionTimestamp);
    const waiting = await suite.api.get(at("owner"));
    expect(waiting.metadata.finalizers).toEqual(["foregroundDeletion"]);
    await suite.api.merge(at("child"), { metadata: { finalizers: null } });
    await suite.gone(at("owner"));
  });

  it("deleted in the foreground do not wait for children that do not block", async () => {
    const owner = await create("owner");
    letGoLater("child");
    await create("child", {
      ownerReferences: [reference(owner, { blockOwnerDeletion: false })],
      finalizers: [HELD],
    });
    await suite.api.remove(at("owner"), { propagationPolicy: "Foreground" });
    await suite.gone(at("owner"));
    // Its only owner is gone, so it is collected after all.
    await eventually("the child is deleted", async () => (await suite.api.get(at("child"))).metadata.deletionTimestamp);
  });

  it("deleted as Orphan leave children that no longer name them", async () => {
    const owner = await create("owner");
    const other = await create("other");
    await childOf("child", reference(owner), reference(other));
    await suite.api.remove(at("owner"), { propagationPolicy: "Orphan" });
    await suite.gone(at("owner"));
    const child = await suite.api.get(at("child"));
    expect(child.metadata.ownerReferences).toEqual([reference(other)]);
    expect(child.metadata.deletionTimestamp).toBeUndefined();
  });

  it("are all needed to go before a child with several goes", async () => {
    const [one, two] = [await create("one"), await create("two")];
    await childOf("child", reference(one), reference(two));
    await suite.api.remove(at("one"), { propagationPolicy: "Background" });
    await collectorHasPassed();
    expect(await exists("child")).toBe(true);
    await suite.api.remove(at("two"), { propagationPolicy: "Background" });
    await suite.gone(at("child"));
  });

  it("must be in the child's namespace, otherwise they count as absent", async () => {
    const elsewhere = await suite.namespace();
    const owner = await suite.api.create(elsewhere.core("configmaps"), configMap("owner"));
    await childOf("child", reference(owner));
    await suite.gone(at("child"));
    expect((await suite.api.send("GET", elsewhere.core("configmaps", "owner"))).status).toBe(200);
  });

  it("are known by uid: another object of the same name is no owner", async () => {
    const first = await create("owner");
    await suite.api.remove(at("owner"));
    await create("owner");
    await childOf("child", reference(first));
    await suite.gone(at("child"));
    expect(await exists("owner")).toBe(true);
  });

  it("may be of the whole cluster", async () => {
    const name = `conformance-${suffix()}`;
    const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`;
    suite.removeLater(path);
    const owner = await suite.api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name },
      rules: [],
    });
    const { apiVersion, kind } = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole" };
    await childOf("child", { apiVersion, kind, name, uid: owner.metadata.uid });
    await collectorHasPassed();
    expect(await exists("child")).toBe(true);
    await suite.api.remove(path);
    await suite.gone(at("child"));
  });

  it("in a circle go together", async () => {
    const one = await create("one");
    const two = await childOf("two", reference(one));
    await suite.api.merge(at("one"), { metadata: { ownerReferences: [reference(two)] } });
    await suite.api.remove(at("one"), { propagationPolicy: "Background" });
    await suite.gone(at("two"));
    expect(await exists("one")).toBe(false);
  });
});

describe("a reference to an owner", () => {
  it("has at most one controller among them", async () => {
    const [one, two] = [await create("one"), await create("two")];
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), {
      body: configMap("child", {
        metadata: { ownerReferences: [reference(one, { controller: true }), reference(two, { controller: true })] },
      }),
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.message).toContain("Only one reference can have Controller set to true");
  });

  it("needs a name, a uid, a kind and a version", async () => {
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), {
      body: configMap("child", { metadata: { ownerReferences: [{ apiVersion: "", kind: "", name: "", uid: "" }] } }),
    });
    expect(status).toBe(422);
    const fields = (body.details.causes ?? []).map(({ field = "" }) => field.replace(/^.*\./, ""));
    expect(new Set(fields)).toEqual(new Set(["apiVersion", "kind", "name", "uid"]));
  });
});
