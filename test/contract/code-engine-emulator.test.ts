import { describe, expect, it } from "@jest/globals";
import { emulatedWorld } from "../support/code-engine/emulated-world.ts";
import { ConnectionReset } from "../support/code-engine/http/surface.ts";
import type { Role } from "../support/code-engine/iam/api-keys.ts";
import { PlainClient, requestToken } from "../support/code-engine/plain-client.ts";

const APP = { name: "files", image_reference: "icr.io/team/files:1" };

function decoded(token: unknown) {
  return JSON.parse(Buffer.from(String(token).split(".")[1] ?? "", "base64url").toString("utf8"));
}

describe("IAM", () => {
  it("gives a token of an hour that can be decoded", async () => {
    await using w = await emulatedWorld();
    const { status, body } = await requestToken(w.emulator.handlers.iam, w.emulator.createApiKey());
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: "Bearer", expires_in: 3600, scope: "ibm openid" });
    expect(body.refresh_token).toEqual(expect.any(String));
    const { iat, exp } = decoded(body.access_token);
    expect(exp - iat).toBe(3600);
    expect(body.expiration).toBe(exp);
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(60);
  });

  it("refuses a key that it does not know, and one that was revoked", async () => {
    await using w = await emulatedWorld();
    const key = w.emulator.createApiKey();
    w.emulator.revokeApiKey(key);
    for (const bad of ["nobody's", key]) {
      const { status, body } = await requestToken(w.emulator.handlers.iam, bad);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        errorCode: "BXNIM0415E",
        errorMessage: "Provided API key could not be found.",
        context: { requestId: expect.any(String), url: "https://iam.cloud.ibm.com" },
      });
    }
  });

  it("takes no token after its time, whatever its exp says", async () => {
    await using w = await emulatedWorld();
    w.emulator.iam.tokenTtlSeconds = 60;
    expect((await w.client.get("/projects")).status).toBe(200);
    await w.clock.advance(60_000);
    const { status, headers } = await w.client.get("/projects");
    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toMatch(/^Bearer/);
  });

  it("takes back tokens on request, and none that it never gave", async () => {
    await using w = await emulatedWorld();
    const headers = { authorization: "Bearer made.up.token" };
    expect((await w.client.get("/projects", { headers })).status).toBe(401);
    expect((await w.client.get("/projects", { headers: { authorization: null } })).status).toBe(401);
    expect((await w.client.get("/projects")).status).toBe(200);
    w.emulator.iam.revokeTokens();
    expect((await w.client.get("/projects")).status).toBe(401);
  });

  it("gives tokens of other shapes on request", async () => {
    await using w = await emulatedWorld();
    const key = w.emulator.createApiKey();
    w.emulator.iam.tokenShape = "opaque";
    expect((await requestToken(w.emulator.handlers.iam, key)).body.access_token).not.toContain(".");
    w.emulator.iam.tokenShape = "jwt-without-times";
    const { body } = await requestToken(w.emulator.handlers.iam, key);
    expect(decoded(body.access_token)).not.toHaveProperty("exp");
  });

  it("fails on demand", async () => {
    await using w = await emulatedWorld();
    w.emulator.faults.add({ surface: "iam", effect: { type: "status", status: 503 } });
    const key = w.emulator.createApiKey();
    expect((await requestToken(w.emulator.handlers.iam, key)).status).toBe(503);
    expect((await requestToken(w.emulator.handlers.iam, key)).status).toBe(200);
  });
});

describe("roles", () => {
  it.each<{ role: Role; list: number; createApp: number; createProject: number }>([
    { role: "Reader", list: 200, createApp: 403, createProject: 403 },
    { role: "Writer", list: 200, createApp: 201, createProject: 403 },
    { role: "Manager", list: 200, createApp: 201, createProject: 403 },
    { role: "Viewer", list: 200, createApp: 403, createProject: 403 },
    { role: "Editor", list: 200, createApp: 403, createProject: 202 },
    { role: "Administrator", list: 200, createApp: 403, createProject: 202 },
  ])("$role", async ({ role, list, createApp, createProject }) => {
    await using w = await emulatedWorld();
    const client = w.as(role);
    expect((await client.get(`${w.home}/apps`)).status).toBe(list);
    expect((await client.post(`${w.home}/apps`, APP)).status).toBe(createApp);
    expect((await client.post("/projects", { name: "new" })).status).toBe(createProject);
  });

  it("hides the projects that a key may not see", async () => {
    await using w = await emulatedWorld();
    const other = w.emulator.createProject({ name: "other" });
    const client = new PlainClient(w.emulator.handlers, w.emulator.createApiKey({ projects: [other.id] }));
    expect((await client.get("/projects")).body.projects).toMatchObject([{ name: "other" }]);
    expect((await client.get(w.home)).status).toBe(404);
  });
});

describe("the envelope", () => {
  it("words the one published error as IBM does", async () => {
    await using w = await emulatedWorld();
    const { status, body } = await w.client.get(`${w.home}/apps/nothing`);
    expect(status).toBe(404);
    expect(body).toEqual({
      errors: [{ code: "resource_not_found", message: "Resource not found." }],
      trace: expect.stringMatching(/^codeengine-api-[0-9a-f]{32}$/),
      status_code: 404,
    });
  });

  it.each([
    { because: "no token", call: { headers: { authorization: null } }, method: "PUT", path: "/nowhere", want: 401 },
    { because: "a path that is none", call: {}, method: "PUT", path: "/nowhere", want: 404 },
    { because: "a method that the path has not", call: {}, method: "PUT", path: "/apps/nothing", want: 405 },
    { because: "a resource that is not there", call: { body: "{" }, method: "PATCH", path: "/apps/nothing", want: 404 },
    {
      because: "a media type",
      call: { body: "{", headers: { "content-type": "application/json" } },
      method: "PATCH",
      path: "/apps/files",
      want: 415,
    },
    { because: "no If-Match", call: { body: "{" }, method: "PATCH", path: "/apps/files", want: 400 },
    {
      because: "a stale If-Match",
      call: { body: "{", ifMatch: "old" },
      method: "PATCH",
      path: "/apps/files",
      want: 412,
    },
    {
      because: "a body that is none",
      call: { body: "{", ifMatch: "*" },
      method: "PATCH",
      path: "/apps/files",
      want: 400,
    },
  ])("judges in order: $because", async ({ call, method, path, want }) => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/apps`, APP);
    expect((await w.client.call(method, `${w.home}${path}`, call)).status).toBe(want);
  });

  it("judges the role after the path and before the headers", async () => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/apps`, APP);
    const reader = w.as("Reader");
    expect((await reader.patch(`${w.home}/apps/nothing`, {})).status).toBe(404);
    const headers = { "content-type": "text/plain" };
    expect((await reader.patch(`${w.home}/apps/files`, {}, { headers })).status).toBe(403);
  });

  it.each([
    { version: null, want: 400 },
    { version: "today", want: 400 },
    { version: "2026-13-01", want: 400 },
    { version: "2026-06-16", want: 400 },
    { version: "2026-06-15", want: 200 },
    { version: "2022-01-01", want: 200 },
  ])("wants a version: $version", async ({ version, want }) => {
    await using w = await emulatedWorld();
    const { status, body } = await w.client.get("/projects", { version });
    expect(status).toBe(want);
    if (want === 400) expect(body.errors).toMatchObject([{ target: { type: "parameter", name: "version" } }]);
  });

  it("puts computed variables and names of mounts where the version says", async () => {
    await using w = await emulatedWorld();
    const mounts = [{ type: "secret", reference: "s", mount_path: "/s" }];
    await w.client.post(`${w.home}/apps`, { ...APP, run_volume_mounts: mounts });
    const at = async (version: string) => (await w.client.get(`${w.home}/apps/files`, { version })).body;
    const names = (list: unknown) => (list as { name: string }[] | undefined)?.map(({ name }) => name);
    const [old, middle, now] = [await at("2024-05-12"), await at("2024-05-13"), await at("2025-07-10")];
    expect(names(old.run_env_variables)).toContain("CE_APP");
    expect(old).not.toHaveProperty("computed_env_variables");
    expect(middle.run_env_variables).toEqual([]);
    expect(names(now.computed_env_variables)).toEqual([
      ...["CE_API_BASE_URL", "CE_APP", "CE_DOMAIN", "CE_PROJECT_ID", "CE_REGION", "CE_SUBDOMAIN"],
    ]);
    expect(names(middle.run_volume_mounts)).toEqual(["codeengine-mount-0"]);
    expect(now.run_volume_mounts).toEqual([{ ...mounts[0], read_only: true }]);
  });

  it("takes JSON in UTF-8, and nothing else", async () => {
    await using w = await emulatedWorld();
    const post = async (type: string, body: string) =>
      (await w.client.post(`${w.home}/config_maps`, body, { headers: { "content-type": type } })).status;
    expect(await post("application/json; charset=utf-8", '{"name":"a"}')).toBe(201);
    expect(await post("application/json; charset=latin1", '{"name":"b"}')).toBe(415);
    expect(await post("text/plain", '{"name":"b"}')).toBe(415);
    expect(await post("application/json", "[]")).toBe(400);
    expect(await post("application/json", "{")).toBe(400);
  });

  it("refuses a body that is too large", async () => {
    await using w = await emulatedWorld();
    const body = { name: "a", data: { k: "x".repeat(9 * 1024 * 1024) } };
    expect((await w.client.post(`${w.home}/config_maps`, body)).status).toBe(413);
  });

  it("ignores members that nobody knows, and refuses them in the strict mode", async () => {
    await using w = await emulatedWorld();
    expect((await w.client.post(`${w.home}/apps`, { ...APP, surprise: 1 })).status).toBe(201);
    w.emulator.switches.strictBodies = true;
    const { status, body } = await w.client.post(`${w.home}/apps`, { ...APP, name: "b", surprise: 1 });
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ target: { type: "field", name: "surprise" } }]);
  });
});

describe("a client that goes in the middle", () => {
  it("is no mistake of anybody's", async () => {
    await using w = await emulatedWorld();
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    const headers = { authorization: `Bearer ${await w.client.token()}`, "content-type": "application/json" };
    const url = `http://localhost/v2${w.home}/config_maps?version=2026-06-15`;
    const request = new Request(url, { method: "POST", headers, body, duplex: "half" });
    await expect(w.emulator.handlers.api(request)).rejects.toThrow(ConnectionReset);
  });
});

describe("pages", () => {
  it("come in order, with next except for the last", async () => {
    await using w = await emulatedWorld();
    for (const name of ["c", "a", "b"]) await w.client.post(`${w.home}/config_maps`, { name });
    const first = (await w.client.get(`${w.home}/config_maps?limit=2`)).body;
    expect(first).toMatchObject({
      limit: 2,
      first: { href: `${w.emulator.apiUrl}${w.home}/config_maps?limit=2` },
      next: { href: expect.stringContaining("start="), start: expect.any(String) },
      config_maps: [{ name: "a" }, { name: "b" }],
    });
    // What comes or goes between the pages moves nothing.
    await w.client.post(`${w.home}/config_maps`, { name: "aa" });
    const { start } = first.next as { start: string };
    const last = (await w.client.get(`${w.home}/config_maps?limit=2&start=${start}`)).body;
    expect(last).toMatchObject({ config_maps: [{ name: "c" }] });
    expect(last).not.toHaveProperty("next");
  });

  it.each(["0", "101", "-1", "many", "1.5"])("have no limit of %s", async (limit) => {
    await using w = await emulatedWorld();
    const { status, body } = await w.client.get(`${w.home}/apps?limit=${limit}`);
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ target: { type: "parameter", name: "limit" } }]);
  });

  it("of projects ignore a limit beside start", async () => {
    await using w = await emulatedWorld();
    for (const name of ["b", "c", "d"]) w.emulator.createProject({ name });
    const { next } = (await w.client.get("/projects?limit=1")).body as { next: { start: string } };
    const second = (await w.client.get(`/projects?limit=nonsense&start=${next.start}`)).body;
    expect(second.projects).toHaveLength(1);
  });

  it("refuse a start of somebody's own", async () => {
    await using w = await emulatedWorld();
    expect((await w.client.get("/projects?start=next")).status).toBe(400);
  });
});

describe("entity tags", () => {
  it("change with every change of the spec, and with nothing else", async () => {
    await using w = await emulatedWorld();
    const created = await w.client.post(`${w.home}/apps`, APP);
    const tag = String(created.body.entity_tag);
    expect(tag).toMatch(/^[*a-z0-9-]{1,63}$/);
    expect(created.headers.get("etag")).toBe(`"${tag}"`);
    await w.clock.advance(10_000);
    expect(await w.read("/apps/files")).toMatchObject({ status: "ready", entity_tag: tag });
    const path = `${w.home}/apps/files`;
    const patched = await w.client.patch(path, { scale_min_instances: 1 }, { ifMatch: tag });
    expect(patched.status).toBe(200);
    expect(patched.body.entity_tag).not.toBe(tag);
    expect((await w.client.patch(path, { scale_min_instances: 2 }, { ifMatch: tag })).status).toBe(412);
    const quoted = `"${patched.body.entity_tag}"`;
    expect((await w.client.patch(path, { scale_min_instances: 2 }, { ifMatch: quoted })).status).toBe(200);
    const before = (await w.read("/apps/files")).entity_tag;
    expect((await w.client.patch(path, {}, { ifMatch: "*" })).body.entity_tag).toBe(before);
  });

  it("change with the status, too, where the switch says so", async () => {
    await using w = await emulatedWorld({ switches: { statusMovesEntityTag: true } });
    const { body } = await w.client.post(`${w.home}/apps`, APP);
    await w.clock.advance(10_000);
    expect((await w.read("/apps/files")).entity_tag).not.toBe(body.entity_tag);
  });

  it("let one of two writers through that come at once", async () => {
    await using w = await emulatedWorld();
    const { body } = await w.client.post(`${w.home}/apps`, APP);
    const ifMatch = String(body.entity_tag);
    const write = (min: number) => w.client.patch(`${w.home}/apps/files`, { scale_min_instances: min }, { ifMatch });
    const answers = await Promise.all([write(1), write(2)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });
});

describe("faults on demand", () => {
  it("strike the calls that they name, so many times", async () => {
    await using w = await emulatedWorld();
    const effect = { type: "status", status: 429, retryAfterSeconds: 7 } as const;
    const fault = w.emulator.faults.add({ method: "POST", path: "/apps", skip: 1, count: 1, effect });
    expect((await w.client.post(`${w.home}/apps`, APP)).status).toBe(201);
    expect((await w.client.get(`${w.home}/apps`)).status).toBe(200);
    const struck = await w.client.post(`${w.home}/apps`, { ...APP, name: "b" });
    expect(struck.status).toBe(429);
    expect(struck.headers.get("retry-after")).toBe("7");
    expect(struck.body).toMatchObject({ errors: [{ code: "too_many_requests" }], status_code: 429 });
    expect(fault.hits).toBe(1);
    expect((await w.client.post(`${w.home}/apps`, { ...APP, name: "b" })).status).toBe(201);
  });

  it.each([
    { when: "before", want: 404 },
    { when: "after", want: 200 },
  ] as const)("break the connection $when the work is done", async ({ when, want }) => {
    await using w = await emulatedWorld();
    w.emulator.faults.add({ method: "POST", effect: { type: "reset", when } });
    await expect(w.client.post(`${w.home}/apps`, APP)).rejects.toThrow(ConnectionReset);
    expect((await w.client.get(`${w.home}/apps/files`)).status).toBe(want);
  });

  it("answer 504 although the work is done", async () => {
    await using w = await emulatedWorld();
    w.emulator.faults.add({ method: "POST", effect: { type: "status", status: 504, when: "after" } });
    expect((await w.client.post(`${w.home}/apps`, APP)).status).toBe(504);
    expect((await w.client.post(`${w.home}/apps`, APP)).status).toBe(409);
  });

  it("are late, or slow", async () => {
    await using w = await emulatedWorld();
    await w.client.token();
    w.emulator.faults.add({ effect: { type: "latency", ms: 5_000 } });
    let answered = false;
    const late = w.client.get("/projects").then(() => {
      answered = true;
    });
    await w.clock.advance(4_999);
    expect(answered).toBe(false);
    await w.clock.advance(1);
    await late;
    w.emulator.faults.add({ effect: { type: "slow-body", chunkBytes: 1_000, everyMs: 1_000 } });
    const slow = w.client.get(`${w.home}`);
    await w.clock.advance(60_000);
    expect((await slow).body).toMatchObject({ name: "test" });
  });

  it("break real connections, too", async () => {
    await using w = await emulatedWorld();
    w.emulator.faults.add({ effect: { type: "reset", when: "before" } });
    await expect(fetch(`${w.emulator.apiUrl}/projects`)).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
  });
});

describe("the record of calls", () => {
  it("holds what tests count", async () => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/apps`, APP);
    await w.clock.advance(1_000);
    const since = w.clock.now();
    await w.client.get(`${w.home}/apps?limit=5`);
    expect(w.emulator.calls.matching({ since })).toEqual([
      {
        surface: "api",
        method: "GET",
        path: `/v2${w.home}/apps`,
        query: "?limit=5&version=2026-06-15",
        at: since,
        userAgent: "plain-client",
        status: 200,
      },
    ]);
    expect(w.emulator.calls.writes()).toHaveLength(1);
    expect(w.emulator.calls.count({ surface: "iam" })).toBe(1);
    expect(w.emulator.calls.count({ method: "GET", path: /\/apps$/ })).toBe(1);
  });
});
