import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../../test/support/eventually.ts";
import { answer, FakeApi, hangUp, refuse, silence } from "../../test/support/fake-api.ts";
import { type ConfigMap, configMaps, namespaces } from "../api/core.ts";
import { runtimeDeployments } from "../api/v1alpha1/index.ts";
import { ApiError, ApiUnreachable, MalformedAnswer, type WatchEvent } from "./client.ts";
import { createKubeClient, type DisposableKubeClient, type KubeClientOptions } from "./http-kube-client.ts";

let api: FakeApi;
let client: DisposableKubeClient;

beforeEach(async () => {
  api = await FakeApi.start();
  client = await createKubeClient({ kubeconfigText: api.kubeconfig(), userAgent: "slipway/test" });
});

afterEach(async () => {
  client[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

const key = { namespace: "ns", name: "a" };
const object = (value = "1"): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", namespace: "ns", uid: "u", resourceVersion: "7", creationTimestamp: "" },
  data: { value },
});
const answerObject = answer(200, JSON.stringify(object()));

/** A client of its own for one test. */
async function using(options: Omit<KubeClientOptions, "kubeconfigText">): Promise<DisposableKubeClient> {
  client[Symbol.dispose]();
  client = await createKubeClient({ kubeconfigText: api.kubeconfig(), ...options });
  return client;
}

/** What the call threw. */
async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function collect(events: AsyncIterable<WatchEvent<ConfigMap>>): Promise<string[]> {
  const types: string[] = [];
  for await (const { type } of events) types.push(type);
  return types;
}

describe("each call", () => {
  const calls: { call: string; make: () => Promise<unknown>; want: [string, string, object?, string?] }[] = [
    { call: "get", make: () => client.get(configMaps, key), want: ["GET", "/api/v1/namespaces/ns/configmaps/a"] },
    {
      call: "get of a cluster-scoped object",
      make: () => client.get(namespaces, { namespace: "", name: "a" }),
      want: ["GET", "/api/v1/namespaces/a"],
    },
    {
      call: "create",
      make: () => client.create(configMaps, object()),
      want: ["POST", "/api/v1/namespaces/ns/configmaps", object(), "application/json"],
    },
    {
      call: "update",
      make: () => client.update(configMaps, object(), { fieldManager: "m" }),
      want: ["PUT", "/api/v1/namespaces/ns/configmaps/a?fieldManager=m", object(), "application/json"],
    },
    {
      call: "merge patch of the status",
      make: () => client.patch(configMaps, key, { type: "merge", body: { a: 1 } }, { subresource: "status" }),
      want: ["PATCH", "/api/v1/namespaces/ns/configmaps/a/status", { a: 1 }, "application/merge-patch+json"],
    },
    {
      call: "JSON patch",
      make: () => client.patch(configMaps, key, { type: "json", body: [] }),
      want: ["PATCH", "/api/v1/namespaces/ns/configmaps/a", [], "application/json-patch+json"],
    },
    {
      call: "apply",
      make: () => client.patch(configMaps, key, { type: "apply", body: {}, fieldManager: "m", force: true }),
      want: [
        "PATCH",
        "/api/v1/namespaces/ns/configmaps/a?fieldManager=m&force=true",
        {},
        "application/apply-patch+yaml",
      ],
    },
    {
      call: "delete",
      make: () => client.delete(configMaps, key, { propagationPolicy: "Foreground", preconditions: { uid: "u" } }),
      want: [
        "DELETE",
        "/api/v1/namespaces/ns/configmaps/a",
        { propagationPolicy: "Foreground", preconditions: { uid: "u" } },
        "application/json",
      ],
    },
    {
      call: "request",
      make: () => client.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: {} }),
      want: ["POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: {} }, "application/json"],
    },
  ];

  it.each(calls)("is what the API server knows: $call", async ({ make, want: [method, path, body, contentType] }) => {
    api.failNext("any", answerObject);
    await make();
    const request = api.requests[0];
    const query = request?.query.size ? `?${request.query}` : "";
    expect([request?.method, `${request?.path}${query}`]).toEqual([method, path]);
    expect(request?.headers).toMatchObject({ authorization: "Bearer secret-token", "user-agent": "slipway/test" });
    if (body) {
      expect(JSON.parse(request?.body ?? "")).toEqual(body);
      expect(request?.headers["content-type"]).toBe(contentType);
    }
  });

  it.each([
    { because: "no name would name the collection", key: { namespace: "ns", name: "" } },
    { because: "no namespace would name another object", key: { namespace: "", name: "a" } },
    { because: "dots would climb", key: { namespace: "..", name: "a" } },
  ])("is refused before it is sent: $because", async ({ key }) => {
    expect(() => client.get(configMaps, key)).toThrow(TypeError);
    expect(api.requests).toEqual([]);
  });

  it("keeps a name from becoming a path", async () => {
    api.failNext("any", answerObject);
    await client.get(configMaps, { namespace: "ns", name: "../secrets/x?y" });
    expect(api.requests[0]?.path).toBe("/api/v1/namespaces/ns/configmaps/..%2Fsecrets%2Fx%3Fy");
  });

  it("gives the items of a list their kind, which built-in kinds lack", async () => {
    const metadata = { resourceVersion: "9" };
    const { apiVersion: _, kind: __, ...item } = object();
    api.failNext(
      "list",
      answer(200, JSON.stringify({ kind: "ConfigMapList", apiVersion: "v1", metadata, items: [item] })),
    );
    expect((await client.list(configMaps)).items).toEqual([object()]);
  });
});

describe("an answer that is no success", () => {
  it("is an ApiError with the server's reason", async () => {
    api.failNext("any", refuse(409, "Conflict"));
    const error = await failure(client.get(configMaps, key));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 409, reason: "Conflict", message: "scripted Conflict" });
  });

  it.each([
    { because: "an unknown path is answered in plain text", code: 404, text: "404 page not found", reason: "NotFound" },
    { because: "a proxy answers with a page", code: 503, text: "<html>", reason: "ServiceUnavailable" },
    { because: "a body is cut short", code: 500, text: '{"kind":"Sta', reason: "InternalError" },
  ])("gets the reason of its code: $because", async ({ code, text, reason }) => {
    api.failNext("any", answer(code, text));
    expect(await failure(client.get(configMaps, key))).toMatchObject({ code, reason, name: "ApiError" });
  });

  it("says which kind is not installed", async () => {
    api.failNext("any", answer(404, "404 page not found"));
    const error = await failure(client.list(runtimeDeployments, { namespace: "team-a" }));
    expect(error).toMatchObject({
      reason: "NotFound",
      message: expect.stringContaining("is CustomResourceDefinition runtimedeployments.slipway.dev installed?"),
    });
  });

  it.each([
    { because: "it hangs up", fault: hangUp },
    { because: "it redirects", fault: answer(302, "", { location: "http://elsewhere/" }) },
    { because: "it answers with half of an object", fault: answer(200, '{"kind":"Conf') },
    { because: "it says more than is read", fault: answer(200, JSON.stringify({ big: "x".repeat(5_000) })) },
    { because: "it is silent", fault: silence },
  ])("is ApiUnreachable when no API server spoke: $because", async ({ fault }) => {
    const impatient = await using({ requestTimeoutMs: 200, maxBodyBytes: 4_000 });
    api.failNext("any", fault);
    const error = await failure(impatient.get(configMaps, key));
    expect(error).toBeInstanceOf(ApiUnreachable);
    expect(String(error)).not.toContain("secret-token");
  });

  it("is ApiUnreachable when nobody listens", async () => {
    await api[Symbol.asyncDispose]();
    const error = await failure(client.get(configMaps, key));
    expect(error).toBeInstanceOf(ApiUnreachable);
    expect(String(error)).toContain("ECONNREFUSED");
  });

  it("ends at the caller's signal, with its reason", async () => {
    const given = new AbortController();
    api.failNext("any", silence, answerObject);
    const call = failure(client.get(configMaps, key, given.signal));
    await eventually("the request is there", () => api.requests.length === 1, { everyMs: 2 });
    given.abort(new Error("no longer wanted"));
    expect(await call).toBe(given.signal.reason);
    expect(await failure(client.get(configMaps, key, given.signal))).toBe(given.signal.reason);
    expect(api.requests).toHaveLength(1);
  });
});

describe("a busy server", () => {
  const busy = refuse(429, "TooManyRequests", "0");
  const down = refuse(503, "ServiceUnavailable", "0");

  it("is asked again when it says when", async () => {
    api.failNext("any", busy, down, busy, answerObject);
    expect(await client.get(configMaps, key)).toEqual(object());
    expect(api.requests).toHaveLength(4);
  });

  it("is asked three times more, not for ever", async () => {
    api.failNext("any", ...Array(9).fill(busy));
    expect(await failure(client.get(configMaps, key))).toMatchObject({ code: 429, retryAfterMs: 0 });
    expect(api.requests).toHaveLength(4);
  });

  it.each([
    {
      because: "503 may have come too late for a create",
      fault: down,
      make: () => client.create(configMaps, object()),
    },
    {
      because: "503 may have come too late for a JSON patch",
      fault: down,
      make: () => client.patch(configMaps, key, { type: "json", body: [] }),
    },
    { because: "it does not say when", fault: refuse(429, "TooManyRequests"), make: () => client.get(configMaps, key) },
    {
      because: "the wait is long",
      fault: refuse(429, "TooManyRequests", "60"),
      make: () => client.get(configMaps, key),
    },
  ])("is left alone: $because", async ({ fault, make }) => {
    api.failNext("any", fault);
    expect(await failure(make())).toBeInstanceOf(ApiError);
    expect(api.requests).toHaveLength(1);
  });

  it("hands the time that it asked for to the caller", async () => {
    api.failNext("any", refuse(429, "TooManyRequests", "60"));
    expect(await failure(client.get(configMaps, key))).toMatchObject({ retryAfterMs: 60_000 });
  });

  it("may be asked again for a create that it did not look at", async () => {
    api.failNext("any", busy, answerObject);
    expect(await client.create(configMaps, object())).toEqual(object());
  });

  it("does not keep a caller who no longer waits", async () => {
    const given = new AbortController();
    api.failNext("any", refuse(429, "TooManyRequests", "5"));
    const call = failure(client.get(configMaps, key, given.signal));
    await eventually("the request is there", () => api.requests.length === 1, { everyMs: 2 });
    setTimeout(() => given.abort(new Error("no longer wanted")), 20);
    expect(await call).toBe(given.signal.reason);
  });
});

describe("a watch", () => {
  const change = (type: string, value = "1") => `${JSON.stringify({ type, object: object(value) })}\n`;

  it("yields each line, wherever the chunks are cut", async () => {
    api.failNext("watch", (response) => {
      const bytes = Buffer.from(change("ADDED", "é") + change("MODIFIED", "日本") + change("DELETED"));
      response.writeHead(200);
      let at = 0;
      const next = () => {
        const chunk = bytes.subarray(at, at + 7);
        at += 7;
        if (chunk.length === 0) response.end();
        else response.write(chunk, () => setImmediate(next));
      };
      next();
    });
    expect(await collect(client.watch(configMaps, {}, AbortSignal.timeout(20_000)))).toEqual([
      "ADDED",
      "MODIFIED",
      "DELETED",
    ]);
  });

  it.each([
    { because: "the connection breaks", text: change("ADDED"), destroy: true, error: ApiUnreachable },
    { because: "a line is not JSON", text: "{]\n", destroy: false, error: MalformedAnswer },
    { because: "a line is no event", text: '{"type":"ADDED"}\n', destroy: false, error: MalformedAnswer },
    { because: "an event is of no known type", text: change("MOVED"), destroy: false, error: MalformedAnswer },
    { because: "a line is too long", text: "x".repeat(3_000), destroy: false, error: MalformedAnswer },
  ])("fails: $because", async ({ text, destroy, error }) => {
    const bounded = await using({ maxWatchLineBytes: 2_000 });
    api.failNext("watch", (response) => {
      response.writeHead(200);
      response.write(text, () => destroy && setImmediate(() => response.destroy()));
    });
    expect(await failure(collect(bounded.watch(configMaps, {}, AbortSignal.timeout(20_000))))).toBeInstanceOf(error);
  });

  it("is refused as any call", async () => {
    api.failNext("watch", refuse(410, "Expired"));
    expect(await failure(collect(client.watch(configMaps, {}, AbortSignal.timeout(20_000))))).toMatchObject({
      code: 410,
    });
  });

  it("outlives the timeout of ordinary requests, and ends at its signal", async () => {
    const impatient = await using({ requestTimeoutMs: 50 });
    const given = new AbortController();
    const watch = failure(collect(impatient.watch(configMaps, {}, given.signal)));
    await eventually("it is open", () => api.openWatches === 1, { everyMs: 2 });
    const outcome = await Promise.race([watch, new Promise((resolve) => setTimeout(() => resolve("open"), 150))]);
    expect(outcome).toBe("open");
    given.abort();
    expect(await watch).toBe(given.signal.reason);
    await eventually("the connection is gone", () => api.openWatches === 0, { everyMs: 2 });
  });

  it("ends its connection when its reader leaves", async () => {
    api.put("a");
    for await (const _ of client.watch(configMaps, { resourceVersion: "0" }, AbortSignal.timeout(20_000))) break;
    await eventually("the connection is gone", () => api.openWatches === 0, { everyMs: 2 });
  });

  it("leaves ordinary requests their connections, however many there are", async () => {
    const given = new AbortController();
    const watches = Array.from({ length: 100 }, () => failure(collect(client.watch(configMaps, {}, given.signal))));
    await eventually("all are open", () => api.openWatches === 100, { everyMs: 5 });
    expect((await client.list(configMaps)).items).toEqual([]);
    given.abort();
    await Promise.all(watches);
  });
});
