import { describe, expect, it } from "@jest/globals";
import { allow, patchOf } from "../support/webhook-server.ts";
import { configMap } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";
import { canBeCalled, install, whySkipped } from "./support/webhooks.ts";

const suite = conformance();
const describeCalled = canBeCalled ? describe : describe.skip;
const add = (path: string, value: unknown) => ({ op: "add", path, value });

// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response
describeCalled(`a mutating webhook${whySkipped}`, () => {
  it("changes what is stored", async () => {
    const { server, ns } = await install(suite, { mutating: true });
    server.handler = () => patchOf(add("/metadata/labels", { added: "yes" }), add("/data", { a: "b" }));
    const made = await suite.api.create(ns.core("configmaps"), configMap("changed"));
    expect(made).toMatchObject({ metadata: { labels: { added: "yes" } }, data: { a: "b" } });
    expect(await suite.api.get(ns.core("configmaps", "changed"))).toEqual(made);
  });

  it("sees what those before it in the order of names have changed", async () => {
    const { server, ns } = await install(suite, { mutating: true, hooks: [{}, {}] });
    server.handler = (_, path) =>
      path.startsWith("/0") ? patchOf(add("/data", { first: "x" })) : patchOf(add("/data/second", "y"));
    const made = await suite.api.create(ns.core("configmaps"), configMap("twice"));
    expect(made.data).toEqual({ first: "x", second: "y" });
  });

  it("is asked again when a later one changed the object, if it wants to", async () => {
    const { server, ns } = await install(suite, { mutating: true, hooks: [{ reinvocationPolicy: "IfNeeded" }, {}] });
    const calls: string[] = [];
    server.handler = (request, path) => {
      const place = path.slice(1, 2);
      if (request.name === "again") calls.push(place);
      const { data = {} } = (request.object ?? {}) as { data?: Record<string, string> };
      return place === "1" && !("late" in data) ? patchOf(add("/data", { late: "x" })) : allow(request, path);
    };
    await suite.api.create(ns.core("configmaps"), configMap("again"));
    expect(calls).toEqual(["0", "1", "0"]);
  });

  it("changes what a dry run answers, and nothing else", async () => {
    const { server, ns } = await install(suite, { mutating: true });
    server.handler = () => patchOf(add("/data", { a: "b" }));
    const made = await suite.api.create(ns.core("configmaps"), configMap("dry"), { dryRun: "All" });
    expect(made.data).toEqual({ a: "b" });
    expect((await suite.api.send("GET", ns.core("configmaps", "dry"))).status).toBe(404);
  });

  it("whose patch does not apply fails", async () => {
    const { server, ns } = await install(suite, { mutating: true });
    server.handler = () => patchOf({ op: "remove", path: "/data/nothing" });
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), { body: configMap("broken") });
    expect([status, body.reason]).toEqual([500, "InternalError"]);
  });

  it("cannot make an object invalid", async () => {
    const { server, ns } = await install(suite, { mutating: true });
    server.handler = () => patchOf(add("/data", { "not a key!": "x" }));
    const { status, body } = await suite.api.send("POST", ns.core("configmaps"), { body: configMap("invalid") });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
  });

  it("is seen by the validating ones", async () => {
    const { server, ns } = await install(suite, { mutating: true });
    server.handler = () => patchOf(add("/data", { a: "b" }));
    const validating = await install(suite, { ns });
    await suite.api.create(ns.core("configmaps"), configMap("seen"));
    const seen = validating.server.requests.find(({ name }) => name === "seen");
    expect(seen?.object).toMatchObject({ data: { a: "b" } });
  });
});
