import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Announcement } from "../../src/controllers/registration/external-gateway.ts";
import { ContextForge } from "../../src/external-gateways/context-forge/context-forge.ts";
import { temporaryCertificates } from "../../src/server/http/certificates.ts";
import { FakeContextForge } from "../support/context-forge/fake-context-forge.ts";
import { listen } from "../support/listen.ts";

const ANNOUNCEMENT: Announcement = {
  ...{ name: "team.files", description: "", url: "http://127.0.0.1:7080/team/files/mcp" },
  ...{ transport: "streamable-http", tags: ["slipway:uid:1"], visibility: "public", teamId: undefined },
  ...{ refreshIntervalSeconds: undefined, token: undefined },
};
const { signal } = new AbortController();

let forge: FakeContextForge;
let client: ContextForge;

beforeEach(async () => {
  forge = await FakeContextForge.start();
  client = new ContextForge({ url: forge.url, token: forge.token, ca: undefined }, { readMs: 300, writeMs: 300 });
});

afterEach(async () => {
  await client.close();
  await forge[Symbol.asyncDispose]();
});

/** A request past our client. */
async function ask(method: string, path: string, body?: unknown, token = forge.token) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${forge.url}${path}`, {
    ...{ method, headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, retryAfter: answer.headers.get("retry-after"), json: (await answer.json()) as never };
}

describe("the fake of ContextForge", () => {
  const base = { name: "a", url: "http://127.0.0.1:1/mcp" };

  it.each([
    { because: "a name is missing", body: { url: base.url }, status: 422 },
    { because: "a name has a slash", body: { ...base, name: "a/b" }, status: 422 },
    { because: "a name is too long", body: { ...base, name: "a".repeat(256) }, status: 422 },
    { because: "a URL is none", body: { ...base, url: "file:///etc" }, status: 422 },
    { because: "the transport is a websocket", body: { ...base, transport: "WEBSOCKET" }, status: 422 },
    { because: "the transport is in small letters", body: { ...base, transport: "streamablehttp" }, status: 200 },
    { because: "the interval is too short", body: { ...base, refresh_interval_seconds: 59 }, status: 422 },
    {
      because: "the interval is spelt the other way, and too short",
      body: { ...base, refreshIntervalSeconds: 1 },
      status: 422,
    },
    { because: "a team is not named", body: { ...base, visibility: "team" }, status: 422 },
    { because: "bearer has no token", body: { ...base, auth_type: "bearer" }, status: 422 },
    { because: "all is well", body: base, status: 200 },
  ])("answers $status when $because", async ({ body, status }) => {
    expect(await ask("POST", "/v1/gateways", body)).toMatchObject({ status });
  });

  it("connects during POST, and answers 502 where it cannot", async () => {
    forge.connect = async () => Promise.reject(new Error("refused"));
    expect(await ask("POST", "/v1/gateways", base)).toMatchObject({ status: 502 });
    expect(forge.entries.size).toBe(0);
  });

  it("rewrites 127.0.0.1, drops tags that break its rules, masks secrets, and starts with SSE", async () => {
    const body = { ...base, tags: ["Prod", "a/b", "x"], auth_type: "bearer", auth_token: "s" };
    expect(await ask("POST", "/v1/gateways", body)).toMatchObject({
      json: { url: "http://localhost:1/mcp", transport: "SSE", tags: [{ label: "prod" }], authToken: "*****" },
    });
  });

  it.each([
    {
      because: "the name's slug is taken",
      body: { ...base, name: "A.", url: "http://b.test" },
      says: "Gateway name already exists",
    },
    { because: "URL and credentials are", body: { ...base, name: "b" }, says: "Gateway already exists" },
  ])("answers 409 when $because", async ({ body, says }) => {
    await ask("POST", "/v1/gateways", base);
    expect(await ask("POST", "/v1/gateways", body)).toMatchObject({ status: 409, json: { message: says } });
    const scoped = { ...body, visibility: "team", team_id: "t" };
    expect(await ask("POST", "/v1/gateways", scoped)).toMatchObject({ status: 200 });
  });

  it("lets in whom it should, and at the alias only where that is on", async () => {
    expect(await ask("GET", "/v1/gateways", undefined, "x")).toMatchObject({ status: 401 });
    forge.permissions = new Set(["read"]);
    expect(await ask("POST", "/v1/gateways", base)).toMatchObject({ status: 403 });
    expect(await ask("GET", "/gateways")).toMatchObject({ status: 404 });
  });

  it("takes its time where that is on", async () => {
    forge.async = true;
    expect(await ask("POST", "/v1/gateways", base)).toMatchObject({
      status: 202,
      retryAfter: "1",
      json: { status: "pending" },
    });
    await forge.finish();
    const [id] = forge.entries.keys();
    expect(await ask("DELETE", `/v1/gateways/${id}`)).toMatchObject({ status: 202, json: { status: "deleting" } });
    await forge.finish();
    expect(await ask("GET", `/v1/gateways/${id}`)).toMatchObject({ status: 404 });
  });

  it("lists what is switched off only where that is asked for, in pages", async () => {
    for (let at = 0; at < 5; at++) forge.add({ name: `s${at}`, url: `http://s${at}.test`, enabled: at > 0 });
    expect((await ask("GET", "/v1/gateways")).json).toHaveLength(4);
    const first = await ask("GET", "/v1/gateways?include_inactive=true&include_pagination=true&limit=3");
    expect(first.json).toMatchObject({ gateways: { length: 3 }, nextCursor: expect.any(String) });
  });
});

describe("the client of ContextForge", () => {
  it("makes, reads, changes, switches and removes an entry", async () => {
    const { entry, againInMs } = await client.create({ ...ANNOUNCEMENT, token: "t" }, signal);
    expect([entry.enabled, entry.tags, entry.transport, againInMs]).toEqual([
      true,
      ["slipway:uid:1"],
      "streamable-http",
      undefined,
    ]);
    expect(client.isSameUrl(entry.url, ANNOUNCEMENT.url)).toBe(true);
    await client.setEnabled(entry.id, false, signal);
    expect(await client.list(signal)).toMatchObject([{ id: entry.id, enabled: false }]);
    await client.update(entry.id, { ...ANNOUNCEMENT, transport: "sse", refreshIntervalSeconds: 60 }, signal);
    expect([...forge.entries.values()]).toMatchObject([
      { transport: "SSE", auth: { type: "none" }, refreshIntervalSeconds: 60 },
    ]);
    expect(await client.remove(entry.id, signal)).toBe(true);
    expect(await client.remove(entry.id, signal)).toBe(true);
    expect(await client.get(entry.id, signal)).toBeUndefined();
  });

  it("reads all pages", async () => {
    for (let at = 0; at < 1_203; at++) forge.add({ name: `s${at}`, url: `http://s${at}.test` });
    expect(await client.list(signal)).toHaveLength(1_203);
  });

  it("tells its version, and which door it found", async () => {
    expect(await client.check(signal)).toBe("1.0.0");
    await using old = await FakeContextForge.start({ legacy: true });
    const other = new ContextForge({ url: old.url, token: old.token, ca: undefined });
    await other.create(ANNOUNCEMENT, signal);
    expect(old.requests.at(-1)?.path).toBe("/gateways");
    await other.close();
  });

  it.each([
    { fault: { status: 401 }, reason: "GatewayUnauthorized", name: "TerminalError" },
    {
      fault: { status: 409, body: { message: "Gateway name already exists" } },
      reason: "RegistrationConflict",
      name: "TerminalError",
    },
    {
      fault: { status: 400, body: { detail: "Unable to process input" } },
      reason: "RegistrationRefused",
      name: "TerminalError",
    },
    { fault: { status: 502 }, reason: "ServerUnreachable", name: "TransientError" },
    {
      fault: { status: 429, headers: { "retry-after": "9" } },
      reason: "GatewayUnavailable",
      name: "TransientError",
      retryAfterMs: 9_000,
    },
    {
      fault: { status: 307, headers: { location: "http://127.0.0.1:1/" } },
      reason: "GatewayUnavailable",
      name: "TransientError",
    },
    { fault: "reset" as const, reason: "GatewayUnavailable", name: "TransientError" },
    { fault: "silence" as const, reason: "GatewayUnavailable", name: "TransientError" },
    { fault: { text: "no json" }, reason: "GatewayUnavailable", name: "TransientError" },
  ])("tells $reason of $fault", async ({ fault, ...told }) => {
    forge.fail("POST", fault);
    await expect(client.create(ANNOUNCEMENT, signal)).rejects.toMatchObject(told);
  });

  it("repeats neither its token nor the server's, whatever is said of them", async () => {
    const token = "server-secret-7";
    forge.fail("POST", {
      status: 422,
      body: { detail: [{ loc: ["body"], msg: `bad ${token} ${forge.token}`, input: { token } }] },
    });
    const failure = await client.create({ ...ANNOUNCEMENT, token }, signal).catch((error: unknown) => error);
    expect(String(failure)).toContain("[redacted] [redacted]");
    for (const secret of [token, forge.token]) expect(JSON.stringify([String(failure), failure])).not.toContain(secret);
  });

  it("ends with its caller", async () => {
    forge.fail("GET", "silence");
    const stop = new AbortController();
    const asked = client.list(stop.signal);
    stop.abort(new Error("stopped"));
    await expect(asked).rejects.toThrow("stopped");
  });

  it.each(["169.254.169.254", "[fe80::1]", "0.0.0.0"])("does not dial %s", async (host) => {
    const other = new ContextForge({ url: `http://${host}/`, token: "t", ca: undefined });
    await expect(other.check(signal)).rejects.toMatchObject({ reason: "GatewayUnavailable" });
    await other.close();
  });

  it("trusts the authority that it is told of, and no other", async () => {
    const { caPem, certificatePem, keyPem } = await temporaryCertificates(["127.0.0.1"], new Date());
    const server = createTlsServer({ cert: certificatePem, key: keyPem }, (_, response) => response.end("[]"));
    const url = `https://${await listen(server)}`;
    const trusting = new ContextForge({ url, token: "t", ca: caPem });
    const other = new ContextForge({ url, token: "t", ca: undefined });
    expect(await trusting.list(signal)).toEqual([]);
    await expect(other.list(signal)).rejects.toThrow(/its certificate is not trusted .*caSecretRef/);
    await Promise.all([trusting.close(), other.close()]);
    server.closeAllConnections();
    server.close();
  });

  it("reads no answer without end", async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = () => {
        while (response.write("[".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const other = new ContextForge(
      { url: `http://${await listen(server)}`, token: "t", ca: undefined },
      { readMs: 20_000 },
    );
    await expect(other.check(signal)).rejects.toThrow("its answer is too large");
    await other.close();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
});
