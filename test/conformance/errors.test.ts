import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { JSON_PATCH, MERGE_PATCH } from "./support/client.ts";
import type { Kind } from "./support/definition.ts";
import { configMap } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
let kind: Kind;
let ns: Namespace;

beforeAll(async () => {
  kind = await suite.kind();
});

beforeEach(async () => {
  ns = await suite.namespace();
});

// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind
describe("a Status", () => {
  it("of 404 names what is missing", async () => {
    const { status, headers, body } = await suite.api.send("GET", kind.in(ns.name, "absent"));
    expect(status).toBe(404);
    expect(headers["content-type"]).toBe("application/json");
    expect(body).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: `gadgets.${kind.group} "absent" not found`,
      reason: "NotFound",
      details: { name: "absent", group: kind.group, kind: "gadgets" },
      code: 404,
    });
  });

  it("of 404 for a kind that is not served is no object's", async () => {
    const { status } = await suite.api.send("GET", `/apis/${kind.group}/v1/namespaces/${ns.name}/unknowns`);
    expect(status).toBe(404);
  });

  it("of 405 says that the method is not allowed", async () => {
    for (const [method, path] of [
      ["PUT", ns.core("configmaps")],
      ["PATCH", ns.core("configmaps")],
      ["POST", ns.core("configmaps", "one")],
      ["OPTIONS", kind.in(ns.name)],
    ] as const) {
      const { status, body } = await suite.api.send(method, path, { body: configMap("one"), type: MERGE_PATCH });
      expect([method, status, body.reason]).toEqual([method, 405, "MethodNotAllowed"]);
    }
  });

  it("of 406 is for those who take nothing that there is", async () => {
    const { status, body } = await suite.api.send("GET", ns.core("configmaps"), { headers: { accept: "image/png" } });
    expect([status, body.reason]).toEqual([406, "NotAcceptable"]);
  });

  it("of 409 tells a name that is taken from a version that is stale", async () => {
    const made = await suite.api.create(ns.core("configmaps"), configMap("taken"));
    const taken = await suite.api.send("POST", ns.core("configmaps"), { body: configMap("taken") });
    expect([taken.status, taken.body.reason]).toEqual([409, "AlreadyExists"]);
    await suite.api.merge(ns.core("configmaps", "taken"), { data: { a: "1" } });
    const stale = await suite.api.send("PUT", ns.core("configmaps", "taken"), { body: made });
    expect([stale.status, stale.body.reason]).toEqual([409, "Conflict"]);
  });

  it("of 415 is for bodies of another type", async () => {
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), {
      body: "<configmap/>",
      type: "application/xml",
    });
    expect([status, body.reason]).toEqual([415, "UnsupportedMediaType"]);
    const patch = await suite.api.send("PATCH", ns.core("configmaps", "one"), { body: {}, type: "application/json" });
    expect([patch.status, patch.body.reason]).toEqual([415, "UnsupportedMediaType"]);
  });

  it("of 422 lists every field that is wrong", async () => {
    const { status, body } = await suite.api.send("POST", kind.in(ns.name), {
      body: kind.object("wrong", { spec: { size: "three", color: 4, ports: [{ name: "no port" }] } }),
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.details).toMatchObject({ name: "wrong", group: kind.group, kind: "Gadget" });
    const causes = (body.details.causes ?? []).map(({ field, reason }) => `${field} ${reason}`);
    expect(causes.toSorted()).toEqual([
      "spec.color FieldValueTypeInvalid",
      "spec.ports[0].port FieldValueRequired",
      "spec.size FieldValueTypeInvalid",
    ]);
  });

  it("of 400 is for what cannot be read", async () => {
    for (const body of ["{", '"text"', "[]"]) {
      const answer = await suite.api.send("POST", ns.core("configmaps"), { body });
      expect([body, answer.status, answer.body.reason]).toEqual([body, 400, "BadRequest"]);
    }
    await suite.api.create(ns.core("configmaps"), configMap("one"));
    const patch = await suite.api.send("PATCH", ns.core("configmaps", "one"), { body: "{}", type: JSON_PATCH });
    expect([patch.status, patch.body.reason]).toEqual([400, "BadRequest"]);
  });

  it("of 401 is for those who are nobody that is known", async () => {
    const { status, body } = await suite.bearer("not-a-token").send("GET", ns.core("configmaps"));
    expect([status, body.reason, body.message]).toEqual([401, "Unauthorized", "Unauthorized"]);
  });

  it("of 403 says who may not do what where", async () => {
    const { status, body } = await suite.api.as("stranger").send("DELETE", ns.core("configmaps", "one"));
    expect([status, body.reason]).toEqual([403, "Forbidden"]);
    expect(body.message).toBe(
      `configmaps "one" is forbidden: User "stranger" cannot delete resource "configmaps" in API group "" in the namespace "${ns.name}"`,
    );
    expect(body.details).toEqual({ name: "one", kind: "configmaps" });
  });

  it("of a deletion that is done is a success", async () => {
    const { metadata } = await suite.api.create(ns.core("configmaps"), configMap("one"));
    const { status, body } = await suite.api.send("DELETE", ns.core("configmaps", "one"));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "one", kind: "configmaps", uid: metadata.uid },
    });
  });
});
