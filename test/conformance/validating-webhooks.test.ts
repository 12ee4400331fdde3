import { describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { allow, deny, type ReviewRequest } from "../support/webhook-server.ts";
import { namesOf } from "./support/body.ts";
import { configMap } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";
import { canBeCalled, install, whySkipped } from "./support/webhooks.ts";

const suite = conformance();
const describeCalled = canBeCalled ? describe : describe.skip;

// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
describeCalled(`a validating webhook${whySkipped}`, () => {
  it("is asked about each operation, with what there was and what there shall be", async () => {
    const { server, ns } = await install(suite);
    const path = ns.core("configmaps", "asked");
    await suite.api.create(ns.core("configmaps"), configMap("asked", { data: { a: "1" } }));
    await suite.api.merge(path, { data: { a: "2" } });
    await suite.api.remove(path);
    const about = server.requests.filter(({ name }) => name === "asked");
    expect(about.map(({ operation }) => operation)).toEqual(["CREATE", "UPDATE", "DELETE"]);
    const [created, updated, deleted] = about;
    expect(created).toMatchObject({
      namespace: ns.name,
      kind: { group: "", version: "v1", kind: "ConfigMap" },
      resource: { group: "", version: "v1", resource: "configmaps" },
      object: { kind: "ConfigMap", data: { a: "1" } },
      oldObject: null,
      dryRun: false,
    });
    expect(updated).toMatchObject({ object: { data: { a: "2" } }, oldObject: { data: { a: "1" } } });
    expect(deleted).toMatchObject({ object: null, oldObject: { data: { a: "2" } } });
  });

  // DeleteCollection, staging/src/k8s.io/apiserver/pkg/endpoints/handlers/delete.go: the attributes are made before the objects are known
  it("is asked about each object of a collection that is deleted, of which the request has no name", async () => {
    const kind = await suite.kind();
    const rules = [
      { apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["*"] },
      { apiGroups: [kind.group], apiVersions: ["v1"], resources: [kind.plural], operations: ["DELETE"] },
    ];
    const { server, ns } = await install(suite, { hooks: [{ rules }] });
    const asked = () => server.requests.filter((request) => request.kind.kind === kind.kind);
    const names = ["first", "second"];
    for (const name of names) await suite.api.create(kind.in(ns.name), kind.object(name));
    await eventually("it is asked about this kind", async () => {
      await suite.api.send("DELETE", kind.in(ns.name, "first"), { query: { dryRun: "All" } });
      return asked().length > 0;
    });
    server.requests.length = 0;
    server.handler = () => deny("not these");
    const refused = await suite.api.send("DELETE", kind.in(ns.name));
    expect([refused.status, refused.body.message]).toEqual([
      400,
      expect.stringContaining("denied the request: not these"),
    ]);
    const before = asked();
    server.requests.length = 0;
    server.handler = allow;
    await suite.api.remove(kind.in(ns.name));
    expect(namesOf(await suite.api.get(kind.in(ns.name)))).toEqual([]);
    // A set: of what was refused as a whole, some may have been asked about when the answer was there already.
    const nameOf = ({ oldObject }: ReviewRequest) => (oldObject as { metadata: { name: string } }).metadata.name;
    expect(new Set(asked().map(nameOf))).toEqual(new Set(names));
    for (const request of [...before, ...asked()]) {
      expect(request).toMatchObject({ operation: "DELETE", namespace: ns.name, object: null });
      expect(request).not.toHaveProperty("name");
    }
  });

  it("is told who asks", async () => {
    const { server, ns } = await install(suite);
    await suite.api.as("somebody", "system:masters").create(ns.core("configmaps"), configMap("mine"));
    const { userInfo } = server.requests.find(({ name }) => name === "mine") ?? {};
    expect(userInfo?.username).toBe("somebody");
    expect(userInfo?.groups.toSorted()).toEqual(["system:authenticated", "system:masters"]);
  });

  // FieldManager.UpdateNoErrors comes before Admit, staging/src/k8s.io/apiserver/pkg/endpoints/handlers/create.go and update.go
  it("is shown who owns which field, by this write and before it", async () => {
    const { server, ns } = await install(suite);
    const path = ns.core("configmaps", "owned");
    await suite.api.create(ns.core("configmaps"), configMap("owned", { data: { a: "1" } }), { fieldManager: "maker" });
    const change = configMap("owned", { data: { a: "1", b: "2" } });
    await suite.api.update(path, change, { fieldManager: "changer" });
    const managers = (object: unknown) =>
      (object as { metadata?: { managedFields?: { manager: string }[] } } | null)?.metadata?.managedFields
        ?.map(({ manager }) => manager)
        .sort();
    const about = server.requests.filter(({ name }) => name === "owned");
    expect(about.map(({ object, oldObject }) => [managers(object), managers(oldObject)])).toEqual([
      [["maker"], undefined],
      [["changer", "maker"], ["maker"]],
    ]);
  });

  // ToStatusErr, staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/errors/statuserror.go
  it("denies, with its reason", async () => {
    const { server, ns, name } = await install(suite);
    server.handler = () => deny("not today");
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), { body: configMap("denied") });
    expect(status).toBe(400);
    expect(body.message).toBe(`admission webhook "${name}" denied the request: not today`);
    server.handler = () => deny("not you", { code: 403, reason: "Forbidden" });
    const again = await suite.api.send("POST", ns.core("configmaps"), { body: configMap("denied") });
    expect([again.status, again.body.reason]).toEqual([403, "Forbidden"]);
    expect((await suite.api.send("GET", ns.core("configmaps", "denied"))).status).toBe(404);
  });

  it("warns", async () => {
    const { server, ns } = await install(suite);
    server.handler = () => ({ response: { allowed: true, warnings: ["this is old"] } });
    const { status, warnings } = await suite.api.send("POST", ns.core("configmaps"), { body: configMap("warned") });
    expect([status, warnings]).toEqual([201, ["this is old"]]);
  });

  it("is told of a dry run", async () => {
    const { server, ns } = await install(suite);
    await suite.api.create(ns.core("configmaps"), configMap("dry"), { dryRun: "All" });
    expect(server.requests.map(({ name, dryRun }) => ({ name, dryRun }))).toEqual([{ name: "dry", dryRun: true }]);
  });

  it("that fails refuses the write, or lets it pass, as its failurePolicy says", async () => {
    const failing = await install(suite, { hooks: [{ failurePolicy: "Fail" }] });
    failing.server.handler = () => ({ raw: "no review", status: 500 });
    const refused = await suite.api.send("POST", failing.ns.core("configmaps"), { body: configMap("unasked") });
    expect([refused.status, refused.body.reason]).toEqual([500, "InternalError"]);
    expect(refused.body.message).toContain(`failed calling webhook "${failing.name}"`);
    const ignored = await install(suite, { hooks: [{ failurePolicy: "Ignore" }] });
    ignored.server.handler = failing.server.handler;
    expect((await suite.api.send("POST", ignored.ns.core("configmaps"), { body: configMap("passed") })).status).toBe(
      201,
    );
  });

  it("that is silent is waited for no longer than it says", async () => {
    const { server, ns } = await install(suite, { hooks: [{ failurePolicy: "Ignore", timeoutSeconds: 1 }] });
    server.handler = () => "silence";
    expect((await suite.api.send("POST", ns.core("configmaps"), { body: configMap("patient") })).status).toBe(201);
  });

  it("is asked about the objects that it selects", async () => {
    const { server, ns } = await install(suite, {
      hooks: [{ objectSelector: { matchLabels: { selected: "yes" } } }],
    });
    await suite.api.create(ns.core("configmaps"), configMap("other"));
    await suite.api.create(ns.core("configmaps"), configMap("mine", { metadata: { labels: { selected: "yes" } } }));
    // The old object counts as well.
    await suite.api.merge(ns.core("configmaps", "mine"), { metadata: { labels: { selected: "no" } } });
    await suite.api.merge(ns.core("configmaps", "mine"), { data: { now: "unseen" } });
    expect(server.requests.map(({ name, operation }) => `${operation} ${name}`)).toEqual([
      "CREATE mine",
      "UPDATE mine",
    ]);
  });

  it("is asked where its conditions hold", async () => {
    const expression = "request.operation != 'DELETE' && has(object.data) && 'watched' in object.data";
    const { server, ns } = await install(suite, { hooks: [{ matchConditions: [{ name: "watched", expression }] }] });
    await suite.api.create(ns.core("configmaps"), configMap("plain"));
    await suite.api.create(ns.core("configmaps"), configMap("mine", { data: { watched: "yes" } }));
    await suite.api.remove(ns.core("configmaps", "mine"));
    expect(server.requests.map(({ name }) => name)).toEqual(["mine"]);
  });

  it("is asked about the operations of its rules only", async () => {
    const rule = { apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] };
    const { server, ns } = await install(suite, { hooks: [{ rules: [{ ...rule, operations: ["CREATE"] }] }] });
    await suite.api.create(ns.core("configmaps"), configMap("one"));
    await suite.api.merge(ns.core("configmaps", "one"), { data: { a: "1" } });
    await suite.api.remove(ns.core("configmaps", "one"));
    expect(server.requests.map(({ operation }) => operation)).toEqual(["CREATE"]);
  });

  it("is asked about subresources by name, not along with the resource", async () => {
    const kind = await suite.kind();
    const rule = { apiGroups: [kind.group], apiVersions: ["v1"], operations: ["*"] };
    const core = { apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE"] };
    const { server, ns } = await install(suite, {
      hooks: [{ rules: [{ ...rule, resources: ["gadgets/status"] }, core] }],
    });
    await suite.api.create(kind.in(ns.name), kind.object("one"));
    await suite.api.merge(`${kind.in(ns.name, "one")}/status`, { status: { phase: "Up" } });
    expect(server.requests.map(({ operation, subResource }) => `${operation} ${subResource}`)).toEqual([
      "UPDATE status",
    ]);
  });

  it("is asked about an apply as about any create or update", async () => {
    const { server, ns } = await install(suite);
    const path = ns.core("configmaps", "applied");
    const options = { fieldManager: "one" };
    await suite.api.apply(path, configMap("applied", { data: { a: "1" } }), options);
    await suite.api.apply(path, configMap("applied", { data: { a: "2" } }), options);
    expect(server.requests.map(({ operation }) => operation)).toEqual(["CREATE", "UPDATE"]);
  });

  it("stops every one of a set when it denies, however many there are", async () => {
    const { server, ns } = await install(suite, { hooks: [{}, {}] });
    server.handler = (request, path) => (path.startsWith("/1") ? deny("the second says no") : allow(request, path));
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), { body: configMap("denied") });
    expect(status).toBe(400);
    expect(body.message).toContain("the second says no");
  });

  it("is asked no more once its configuration is deleted", async () => {
    const { server, ns } = await install(suite);
    const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    const { items } = await suite.api.get(path);
    const mine = items.find((item) => JSON.stringify(item).includes(ns.name));
    server.handler = () => deny("still here");
    await suite.api.remove(`${path}/${mine?.metadata.name}`);
    await eventually("nobody denies", async () => {
      const { status } = await suite.api.send("POST", ns.core("configmaps"), {
        body: configMap("free"),
        query: { dryRun: "All" },
      });
      return status === 201;
    });
  });
});
