import { beforeAll, describe, expect, it } from "@jest/globals";
import { APPLY_PATCH } from "./support/client.ts";
import { type Kind, schemaOf } from "./support/definition.ts";
import { configMap, deployment } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
const STRICT = { fieldValidation: "Strict" };
let kind: Kind;

beforeAll(async () => {
  kind = await suite.kind();
});

// https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
describe("field validation", () => {
  it("names the place of unknown fields within lists", async () => {
    const ns = await suite.namespace();
    const spec = { ports: [{ port: 1 }, { port: 2, bogus: true }], bogus: 1 };
    const { status, body } = await suite.api.send("POST", kind.in(ns.name), {
      body: kind.object("strict", { spec }),
      query: STRICT,
    });
    expect([status, body.reason]).toEqual([400, "BadRequest"]);
    expect(body.message).toContain('unknown field "spec.bogus"');
    expect(body.message).toContain('unknown field "spec.ports[1].bogus"');
    expect((await suite.api.send("GET", kind.in(ns.name, "strict"))).status).toBe(404);
  });

  it("warns of each unknown field once, and writes the rest", async () => {
    const ns = await suite.namespace();
    const { status, warnings, body } = await suite.api.send("POST", kind.in(ns.name), {
      body: kind.object("warned", { spec: { color: "red", one: 1, two: 2 } }),
      query: { fieldValidation: "Warn" },
    });
    expect(status).toBe(201);
    expect(warnings.toSorted()).toEqual(['unknown field "spec.one"', 'unknown field "spec.two"']);
    expect(body.spec).toEqual({ color: "red", replicas: 1 });
  });

  it("warns of what a built-in kind does not know, deep inside", async () => {
    const ns = await suite.namespace();
    const { status, warnings } = await suite.api.send("POST", ns.in("apps/v1", "deployments"), {
      body: deployment("web", { imagee: "typo" }),
    });
    expect(status).toBe(201);
    expect(warnings).toEqual(['unknown field "spec.template.spec.containers[0].imagee"']);
  });

  it("is Strict at the status subresource too", async () => {
    const ns = await suite.namespace();
    await suite.api.create(kind.in(ns.name), kind.object("strict"));
    const { status, body } = await suite.api.send("PATCH", `${kind.in(ns.name, "strict")}/status`, {
      type: "application/merge-patch+json",
      body: { status: { phase: "Up", bogus: 1 } },
      query: STRICT,
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.message).toContain('unknown field "status.bogus"');
  });

  it("tells a field that occurs twice", async () => {
    const ns = await suite.namespace();
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), {
      body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}',
      query: STRICT,
    });
    expect(status).toBe(400);
    expect(body.message).toContain('duplicate field "data.a"');
  });

  it("lets the last of two values count where it only warns", async () => {
    const ns = await suite.namespace();
    const { status, body, warnings } = await suite.api.send("POST", ns.core("configmaps"), {
      body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}',
    });
    expect([status, body.data]).toEqual([201, { a: "2" }]);
    expect(warnings).toEqual(['duplicate field "data.a"']);
  });

  it("knows the fields of a definition", async () => {
    const { status, body } = await suite.api.send("PUT", kind.path, {
      body: {
        ...(await suite.api.get(kind.path)),
        spec: { ...kind.definition.spec, versions: [{ ...kind.definition.spec.versions[0], bogus: 1 }] },
      },
      query: { ...STRICT, dryRun: "All" },
    });
    expect(status).toBe(400);
    expect(body.message).toContain('unknown field "spec.versions[0].bogus"');
  });

  it("leaves alone what a schema preserves", async () => {
    const open = await suite.kind({
      version: { schema: schemaOf({ type: "object", "x-kubernetes-preserve-unknown-fields": true }) },
    });
    const ns = await suite.namespace();
    const spec = { anything: { goes: [1, "two"] } };
    const made = await suite.api.create(open.in(ns.name), open.object("open", { spec }), STRICT);
    expect(made.spec).toEqual(spec);
  });

  // Unlike the other writes, an apply cannot leave out what it does not know: its owner would be unclear.
  // typed.DeducedParseableType / WorkEstimate: staging/src/k8s.io/apimachinery/pkg/util/managedfields/internal/structuredmerge.go
  it("lets no apply name a field that a built-in kind does not have", async () => {
    const ns = await suite.namespace();
    const { status, body } = await suite.api.send("PATCH", ns.core("configmaps", "applied"), {
      type: APPLY_PATCH,
      body: configMap("applied", { bogus: 1 }),
      query: { fieldManager: "conformance", ...STRICT },
    });
    expect(status).toBe(500);
    expect(body.message).toContain("field not declared in schema");
  });
});
