import { describe, expect, it } from "@jest/globals";
import type { Body } from "./support/body.ts";
import { configMap } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions and
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#concurrency-control-and-consistency
describe("optimistic concurrency", () => {
  it("lets one of many updates of the same version win", async () => {
    const ns = await suite.namespace();
    const made = await suite.api.create(ns.core("configmaps"), configMap("raced"));
    const answers = await Promise.all(
      upTo(16).map((writer) =>
        suite.api.send("PUT", ns.core("configmaps", "raced"), { body: { ...made, data: { writer: String(writer) } } }),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...upTo(15).map(() => 409)]);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(await suite.api.get(ns.core("configmaps", "raced"))).toMatchObject({ data: { writer: String(winner) } });
  });

  it("lets one of many creates of the same name win", async () => {
    const ns = await suite.namespace();
    const answers = await Promise.all(
      upTo(16).map(() => suite.api.send("POST", ns.core("configmaps"), { body: configMap("raced") })),
    );
    const lost = answers.filter(({ status }) => status !== 201);
    expect(lost).toHaveLength(15);
    for (const { status, body } of lost) expect([status, body.reason]).toEqual([409, "AlreadyExists"]);
  });

  it("loses no increment when writers read, change and try again", async () => {
    const ns = await suite.namespace();
    const path = ns.core("configmaps", "counter");
    await suite.api.create(ns.core("configmaps"), configMap("counter", { data: { count: "0" } }));
    const increment = async (): Promise<void> => {
      for (;;) {
        const found = await suite.api.get(path);
        const body = { ...found, data: { count: String(Number(found.data.count) + 1) } };
        const { status, text } = await suite.api.send("PUT", path, { body });
        if (status === 200) return;
        if (status !== 409) throw new Error(text);
      }
    };
    await Promise.all(
      upTo(4).map(async () => {
        for (const _ of upTo(10)) await increment();
      }),
    );
    expect(await suite.api.get(path)).toMatchObject({ data: { count: "40" } });
  });

  it("merges patches that name no resourceVersion, however many arrive at once", async () => {
    const ns = await suite.namespace();
    const path = ns.core("configmaps", "patched");
    await suite.api.create(ns.core("configmaps"), configMap("patched"));
    await Promise.all(upTo(12).map((key) => suite.api.merge(path, { data: { [`key-${key}`]: "x" } })));
    expect(Object.keys((await suite.api.get(path)).data)).toHaveLength(12);
  });

  it("tells which object was modified meanwhile", async () => {
    const ns = await suite.namespace();
    const path = ns.core("configmaps", "stale");
    const made = await suite.api.create(ns.core("configmaps"), configMap("stale"));
    await suite.api.merge(path, { data: { newer: "x" } });
    const { status, body } = await suite.api.send("PUT", path, { body: made });
    expect(status).toBe(409);
    expect(body).toMatchObject({
      kind: "Status",
      status: "Failure",
      reason: "Conflict",
      details: { name: "stale", kind: "configmaps" },
      message:
        'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again',
    });
  });

  // DefaultUpdatedObjectInfo.Preconditions, staging/src/k8s.io/apiserver/pkg/registry/rest/update.go
  it("refuses an update that is meant for another object of the same name", async () => {
    const ns = await suite.namespace();
    const path = ns.core("configmaps", "reborn");
    const first = await suite.api.create(ns.core("configmaps"), configMap("reborn"));
    await suite.api.remove(path);
    const second = await suite.api.create(ns.core("configmaps"), configMap("reborn"));
    const body = { ...second, metadata: { name: "reborn", uid: first.metadata.uid } };
    const answer = await suite.api.send("PUT", path, { body });
    expect([answer.status, answer.body.reason]).toEqual([409, "Conflict"]);
    expect(answer.body.message).toContain("Precondition failed: UID in precondition");
  });

  // Comparable within a kind: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
  it("gives each write a greater resourceVersion", async () => {
    const ns = await suite.namespace();
    const seen: Body[] = [];
    for (const index of upTo(5)) {
      const path = ns.core("configmaps", `c-${index}`);
      seen.push(await suite.api.create(ns.core("configmaps"), configMap(`c-${index}`)));
      seen.push(await suite.api.merge(path, { data: { changed: "x" } }));
    }
    const versions = seen.map(({ metadata }) => BigInt(metadata.resourceVersion));
    expect(versions).toEqual(versions.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(new Set(versions).size).toBe(versions.length);
  });

  it("shows a list what was acknowledged before", async () => {
    const ns = await suite.namespace();
    for (const index of upTo(25)) {
      const { metadata } = await suite.api.create(ns.core("configmaps"), configMap(`c-${index}`));
      const list = await suite.api.get(ns.core("configmaps"), { labelSelector: "" });
      expect(list.items.map(({ metadata: { name } }) => name)).toContain(`c-${index}`);
      expect(BigInt(list.metadata.resourceVersion)).toBeGreaterThanOrEqual(BigInt(metadata.resourceVersion));
    }
  });
});
