import { gzipSync } from "node:zlib";
import { describe, expect, it } from "@jest/globals";
import {
  appBody,
  failureOf,
  PROJECT_ID,
  refusal,
  scriptedCodeEngine,
} from "../../../../test/support/code-engine-script.ts";
import type { CodeEngineError } from "./errors.ts";

const signal = new AbortController().signal;
const options = { signal };
const prototype = { name: "files", image_reference: "icr.io/x/y" };

describe("an answered call", () => {
  it("reads what it knows and leaves out the rest", async () => {
    await using world = await scriptedCodeEngine([
      { body: appBody({ image_port: null, unheard_of: 1, status: "resting" }) },
    ]);
    const app = await world.project.apps.get("files", options);
    expect(app).toMatchObject({ name: "files", entity_tag: "1-a", status: "resting", run_env_variables: [] });
    expect(Object.keys(app)).not.toContain("unheard_of");
    expect(Object.keys(app)).not.toContain("image_port");
  });

  it("is signed, pinned to a version, and sent to one place", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }], { userAgent: "slipway/1" });
    await world.project.apps.get("files", options);
    const { path, query, headers } = world.api.last;
    expect(path).toBe(`/v2/projects/${PROJECT_ID}/apps/files`);
    expect([...query]).toEqual([["version", "2026-06-15"]]);
    expect(headers).toMatchObject({ authorization: expect.stringMatching(/^Bearer eyJ/), "user-agent": "slipway/1" });
  });
});

describe("a refused call", () => {
  it.each([
    { because: "the body is wrong", status: 400, kind: "terminal", asked: 1 },
    { because: "the role is missing", status: 403, kind: "terminal", asked: 1 },
    { because: "nothing is there", status: 404, kind: "notFound", asked: 1 },
    { because: "the name is in use", status: 409, kind: "conflict", asked: 1 },
    { because: "it changed since", status: 412, kind: "conflict", asked: 1 },
    { because: "it is too large", status: 413, kind: "terminal", asked: 1 },
    { because: "the method is none", status: 501, kind: "terminal", asked: 1 },
    { because: "a redirect would carry the token away", status: 302, kind: "terminal", asked: 1 },
    { because: "too many calls", status: 429, kind: "throttled", asked: 4 },
    { because: "the service is broken", status: 500, kind: "transient", asked: 4 },
    { because: "it is restarting", status: 503, kind: "transient", asked: 4 },
  ])("$status is $kind: $because", async ({ status, kind, asked }) => {
    await using world = await scriptedCodeEngine([refusal(status, "Because.", { location: "http://127.0.0.1:1/" })]);
    const error = (await failureOf(world.project.apps.create(prototype, options))) as CodeEngineError;
    expect(error).toMatchObject({
      name: "CodeEngineError",
      ...{ kind, status, operation: "create the app files", code: "some_code", target: "field name" },
      trace: "codeengine-api-0123456789abcdef0123456789abcdef",
      said: expect.stringContaining("Because."),
    });
    expect(error.message).toContain("Code Engine could not create the app files: Because.");
    expect(world.api.requests).toHaveLength(asked);
  });

  it("keeps its status when it is no JSON but says so", async () => {
    const page = { status: 502, headers: { "Content-Type": "application/json" }, body: "<html>bad gateway</html>" };
    await using world = await scriptedCodeEngine([page]);
    const error = await failureOf(world.project.apps.get("files", options));
    expect(error).toMatchObject({ kind: "transient", status: 502, said: "it gave no reason" });
  });
});

describe("a call that is repeated", () => {
  it.each([
    { verb: "get", method: "GET", call: "reads" },
    { verb: "create", method: "POST", call: "creates" },
    { verb: "patch", method: "PATCH", call: "changes" },
    { verb: "replace", method: "PUT", call: "replaces" },
    { verb: "delete", method: "DELETE", call: "deletes" },
  ])("may be one that $call", async ({ verb, method }) => {
    await using world = await scriptedCodeEngine([
      refusal(503, "no"),
      "reset",
      refusal(500, "no"),
      { body: appBody() },
    ]);
    const { apps, configMaps } = world.project;
    const tagged = { ...options, entityTag: "1-a" };
    if (verb === "get") await apps.get("files", options);
    if (verb === "create") await apps.create(prototype, options);
    if (verb === "patch") await apps.patch("files", { image_port: 1 }, tagged);
    if (verb === "replace") await configMaps.replace("files", { data: {} }, tagged);
    if (verb === "delete") expect(await apps.delete("files", options)).toBe("accepted");
    expect(world.api.requests.map((request) => request.method)).toEqual([method, method, method, method]);
    expect(new Set(world.api.requests.map(({ body }) => body)).size).toBe(1);
  });

  it("waits as long as the service asks", async () => {
    const steps = [refusal(429, "slow down", { "Retry-After": "1" }), { body: appBody() }];
    await using world = await scriptedCodeEngine(steps, { retry: { attempts: 2, baseMs: 1, capMs: 5_000 } });
    const startMs = performance.now();
    await world.project.apps.get("files", options);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(990);
  });

  it("leaves a long wait to the caller, and holds the project's other calls back", async () => {
    await using world = await scriptedCodeEngine([
      refusal(429, "slow down", { "Retry-After": "20" }),
      { body: appBody() },
    ]);
    const error = await failureOf(world.project.apps.get("files", options));
    expect(error).toMatchObject({ kind: "throttled", status: 429, retryAfterMs: 20_000 });
    const poll = await failureOf(world.project.apps.get("files", { ...options, poll: true }));
    expect(poll).toMatchObject({ kind: "throttled", service: "The client", status: undefined });
    expect(world.api.requests).toHaveLength(1);
  });

  it.each([
    { because: "the answer to a create was lost", first: "reset" as const, next: 409, verb: "create" },
    { because: "a create ended in a 500", first: refusal(500, "no"), next: 409, verb: "create" },
    { because: "the answer to a change was lost", first: "reset" as const, next: 412, verb: "patch" },
  ])("tells that a conflict may be with itself: $because", async ({ first, next, verb }) => {
    await using world = await scriptedCodeEngine([first, refusal(next, "conflict")]);
    const { apps } = world.project;
    const call =
      verb === "create" ? apps.create(prototype, options) : apps.patch("files", {}, { ...options, entityTag: "1-a" });
    expect(await failureOf(call)).toMatchObject({ kind: "conflict", status: next, uncertain: true });
  });

  it("does not blame itself for a conflict that came at once, or after a refusal", async () => {
    await using world = await scriptedCodeEngine([refusal(429, "no"), refusal(409, "taken")]);
    expect(await failureOf(world.project.apps.create(prototype, options))).toMatchObject({
      kind: "conflict",
      uncertain: false,
    });
  });

  it("needs no words to believe that a delete is accepted", async () => {
    await using world = await scriptedCodeEngine([{ status: 202, body: "Accepted" }]);
    expect(await world.project.apps.delete("files", options)).toBe("accepted");
  });

  it("takes 404 for a delete that is done", async () => {
    await using world = await scriptedCodeEngine(["reset", refusal(404, "gone")]);
    expect(await world.project.apps.delete("files", options)).toBe("absent");
  });
});

describe("a call without an answer", () => {
  it("ends when its time is over, and says that a write may have happened", async () => {
    await using world = await scriptedCodeEngine(["hang"]);
    const error = await failureOf(world.project.apps.create(prototype, { signal, timeoutMs: 200 }));
    expect(error).toMatchObject({ kind: "transient", code: "ETIMEDOUT", uncertain: true, status: undefined });
  });

  it("ends in time also where bytes keep coming", async () => {
    await using world = await scriptedCodeEngine([
      (_request, response) => {
        response.writeHead(200, { "Content-Type": "application/json" });
        const drip = setInterval(() => response.write(" "), 10);
        response.once("close", () => clearInterval(drip));
      },
    ]);
    const error = await failureOf(world.project.apps.get("files", { signal, timeoutMs: 300 }));
    expect(error).toMatchObject({ kind: "transient", code: "ETIMEDOUT", uncertain: false });
  });

  it("ends with the reason of its signal, and gives its place back", async () => {
    await using world = await scriptedCodeEngine(["hang", { body: appBody() }], {
      budget: { concurrent: 1, perSecond: 100, burst: 100, reserve: 0, queue: 10 },
    });
    const controller = new AbortController();
    const failed = failureOf(world.project.apps.get("files", { signal: controller.signal }));
    const waiting = world.project.apps.get("files", options);
    while (world.api.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error("enough"));
    expect(await failed).toEqual(new Error("enough"));
    expect(await waiting).toMatchObject({ name: "files" });
  });

  it("is not made when the signal was aborted before", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    const error = await failureOf(world.project.apps.get("files", { signal: AbortSignal.abort(new Error("never")) }));
    expect(error).toEqual(new Error("never"));
    expect(world.api.requests).toHaveLength(0);
  });

  it("names a service that is not there", async () => {
    await using world = await scriptedCodeEngine([], {
      overrides: { api: "http://127.0.0.1:1/v2", iam: "http://127.0.0.1:1", proxy: "http://127.0.0.1:1" },
    });
    const error = (await failureOf(world.project.apps.get("files", options))) as CodeEngineError;
    expect(error).toMatchObject({ kind: "transient", code: "ECONNREFUSED", service: "IBM Cloud IAM" });
  });
});

describe("an answer that makes no sense", () => {
  const huge = Buffer.alloc(33 * 1024 * 1024, " ");
  it.each([
    { because: "it is a page", step: { body: "<html>log in</html>" }, kind: "transient", said: /no JSON/ },
    { because: "it is empty", step: { status: 200 }, kind: "transient", said: /it is no object/ },
    {
      because: "its fields are of another kind",
      step: { body: appBody({ entity_tag: 7 }) },
      kind: "transient",
      said: /entity_tag is no string/,
    },
    { because: "it does not end", step: { body: huge }, kind: "terminal", said: /larger than/ },
    {
      because: "it grows as it is unpacked",
      step: { headers: { "Content-Encoding": "gzip" }, body: gzipSync(huge) },
      kind: "terminal",
      said: /larger than/,
    },
  ])("is an error: $because", async ({ step, kind, said }) => {
    await using world = await scriptedCodeEngine([step]);
    const error = (await failureOf(world.project.apps.get("files", options))) as CodeEngineError;
    expect(error).toMatchObject({ kind, said: expect.stringMatching(said) });
    expect(error.message).not.toContain("log in");
    expect(world.api.requests).toHaveLength(1);
  });
});

describe("a name", () => {
  it.each(["", ".", ".."])("is refused where it would change the path: %j", async (name) => {
    await using world = await scriptedCodeEngine([{ status: 202 }]);
    expect(await failureOf(world.project.apps.delete(name, options))).toMatchObject({
      kind: "terminal",
      service: "The client",
    });
    expect(world.api.requests).toHaveLength(0);
  });

  it("is encoded", async () => {
    await using world = await scriptedCodeEngine([{ status: 202 }]);
    await world.project.apps.delete("a/b?c#{d}", options);
    expect(world.api.last.path).toBe(`/v2/projects/${PROJECT_ID}/apps/a%2Fb%3Fc%23%7Bd%7D`);
  });
});

describe("an entity tag", () => {
  it.each(["*", "", 'a"b', "x\r\ny: z"])("is refused when it is none: %j", async (entityTag) => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    const error = await failureOf(world.project.apps.patch("files", {}, { signal, entityTag }));
    expect(error).toMatchObject({ kind: "terminal", service: "The client" });
    expect(world.api.requests).toHaveLength(0);
  });
});
