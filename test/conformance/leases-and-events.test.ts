import { beforeEach, describe, expect, it } from "@jest/globals";
import { namesOf } from "./support/body.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
const LEASES = "coordination.k8s.io/v1";
const EVENTS = "events.k8s.io/v1";
let ns: Namespace;

beforeEach(async () => {
  ns = await suite.namespace();
});

const lease = (spec: object = {}) => ({ apiVersion: LEASES, kind: "Lease", metadata: { name: "leader" }, spec });

// https://kubernetes.io/docs/concepts/architecture/leases/
describe("a Lease", () => {
  it("is won by one of many who find it free", async () => {
    const free = await suite.api.create(ns.in(LEASES, "leases"), lease());
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, candidate) =>
        suite.api.send("PUT", ns.in(LEASES, "leases", "leader"), {
          body: { ...free, spec: { holderIdentity: `candidate-${candidate}`, leaseDurationSeconds: 15 } },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9);
  });

  it("keeps times to the microsecond", async () => {
    const renewTime = "2026-01-02T03:04:05.123456Z";
    const made = await suite.api.create(ns.in(LEASES, "leases"), lease({ renewTime, acquireTime: renewTime }));
    expect(made.spec).toEqual({ renewTime, acquireTime: renewTime });
    expect((await suite.api.get(ns.in(LEASES, "leases", "leader"))).spec).toEqual(made.spec);
  });

  // Lease is one of the kinds with AllowCreateOnUpdate: pkg/registry/coordination/lease/strategy.go
  it("is created by an update of what is not there", async () => {
    const { status } = await suite.api.send("PUT", ns.in(LEASES, "leases", "leader"), { body: lease() });
    expect(status).toBe(201);
  });

  it("has a duration of at least a second", async () => {
    const { status, body } = await suite.api.send("POST", ns.in(LEASES, "leases"), {
      body: lease({ leaseDurationSeconds: 0 }),
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.details.causes?.[0]?.field).toBe("spec.leaseDurationSeconds");
  });
});

const regarding = () => ({ apiVersion: "v1", kind: "ConfigMap", name: "observed", namespace: ns.name });
const coreEvent = (name: string, rest: object = {}) => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name },
  involvedObject: regarding(),
  reason: "Tested",
  message: "It was tested.",
  type: "Normal",
  ...rest,
});

const newEvent = (name: string) => ({
  apiVersion: EVENTS,
  kind: "Event",
  metadata: { name },
  regarding: regarding(),
  reason: "Tested",
  note: "It was tested.",
  type: "Warning",
  action: "Testing",
  eventTime: "2026-01-02T03:04:05.123456Z",
  reportingController: "example.com/conformance",
  reportingInstance: "one",
});

// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
describe("an Event", () => {
  it("is one object in both groups, with its fields named anew", async () => {
    await suite.api.create(ns.core("events"), coreEvent("old", { count: 3, source: { component: "conformance" } }));
    expect(await suite.api.get(ns.in(EVENTS, "events", "old"))).toMatchObject({
      apiVersion: EVENTS,
      regarding: regarding(),
      note: "It was tested.",
      deprecatedCount: 3,
      deprecatedSource: { component: "conformance" },
    });
    await suite.api.create(ns.in(EVENTS, "events"), newEvent("new"));
    expect(await suite.api.get(ns.core("events", "new"))).toMatchObject({
      apiVersion: "v1",
      involvedObject: regarding(),
      message: "It was tested.",
      reportingComponent: "example.com/conformance",
      eventTime: "2026-01-02T03:04:05.123456Z",
    });
  });

  it("is found by what it is about, in both groups", async () => {
    await suite.api.create(ns.core("events"), coreEvent("a"));
    await suite.api.create(ns.core("events"), coreEvent("b", { reason: "Other", type: "Warning" }));
    const old = await suite.api.get(ns.core("events"), {
      fieldSelector: "involvedObject.name=observed,involvedObject.kind=ConfigMap,reason=Other",
    });
    expect(namesOf(old)).toEqual(["b"]);
    const found = await suite.api.get(ns.in(EVENTS, "events"), {
      fieldSelector: "regarding.name=observed,type=Warning",
    });
    expect(namesOf(found)).toEqual(["b"]);
  });

  it("is watched in the group that asks", async () => {
    await using watch = await suite.api.watch(ns.in(EVENTS, "events"));
    await suite.api.create(ns.core("events"), coreEvent("old"));
    expect((await watch.next()).object).toMatchObject({ apiVersion: EVENTS, note: "It was tested." });
  });

  it("is about something of its own namespace", async () => {
    const involvedObject = { ...regarding(), namespace: "default" };
    const { status, body } = await suite.api.send("POST", ns.core("events"), {
      body: coreEvent("elsewhere", { involvedObject }),
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.details.causes?.[0]?.field).toBe("involvedObject.namespace");
  });
});
