import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../../../../test/support/eventually.ts";
import { type StdioPlace, startStdioPlace, stdioEndpoint } from "../../../../test/support/mcp/stdio-processes.ts";
import { type GatewayUnderTest, startGatewayUnderTest } from "../../../../test/support/mcp-gateway.ts";

let place: StdioPlace;
let gateway: GatewayUnderTest;
let url: string;

beforeAll(async () => {
  place = await startStdioPlace();
  gateway = await startGatewayUnderTest([stdioEndpoint("modern"), stdioEndpoint("nothing")], {
    streamsSocket: place.socketPath,
    requireToken: true,
    access: {
      authenticate: async (token) => ({ username: token, uid: token, groups: [], extra: {} }),
      mayUse: async () => true,
    },
  });
  url = `${gateway.url}/team-a/modern/mcp`;
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

interface Asking {
  readonly method?: string;
  readonly headers?: Record<string, string | undefined>;
  readonly body?: unknown;
  readonly as?: string;
  readonly at?: string;
  readonly signal?: AbortSignal;
}

/** One request as a client makes it; `undefined` takes a header away. */
function ask({ method = "POST", headers = {}, body, as = "ann", at = url, signal }: Asking): Promise<Response> {
  const all = {
    authorization: `Bearer ${as}`,
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    ...headers,
  };
  const sent = Object.entries(all).filter((each): each is [string, string] => each[1] !== undefined);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(at, { method, headers: sent, ...(body !== undefined && { body: text }), ...(signal && { signal }) });
}

const rpc = (method: string, params: object = {}, id: number | string = 1) => ({ jsonrpc: "2.0", id, method, params });
const CLIENT = { name: "raw", version: "1" };
const initialize = (protocolVersion = "2025-11-25") =>
  rpc("initialize", { protocolVersion, capabilities: {}, clientInfo: CLIENT });

async function begin(protocolVersion = "2025-11-25", as = "ann"): Promise<Record<string, string>> {
  const answer = await ask({ body: initialize(protocolVersion), as });
  await answer.text();
  const id = answer.headers.get("mcp-session-id") ?? "";
  const headers = { "mcp-session-id": id, "mcp-protocol-version": protocolVersion };
  await ask({ headers, body: { jsonrpc: "2.0", method: "notifications/initialized" }, as });
  return headers;
}

/** Events of a body, whole ones alone. */
const eventsIn = (text: string) =>
  text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => Object.fromEntries(event.split("\n").map((line) => line.split(/: ?(.*)/s).slice(0, 2))));

describe("a client with a session", () => {
  it("begins it, tells, asks, and ends it", async () => {
    const begun = await ask({ body: initialize() });
    const id = begun.headers.get("mcp-session-id") ?? "";
    expect([begun.status, begun.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(await begun.json()).toMatchObject({ id: 1, result: { protocolVersion: "2025-11-25" } });
    expect(id).toMatch(/^[\x21-\x7e]{32,}$/);
    const headers = { "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" };
    const told = await ask({ headers, body: { jsonrpc: "2.0", method: "notifications/initialized" } });
    expect([told.status, await told.text()]).toEqual([202, ""]);
    const asked = await ask({ headers, body: rpc("tools/call", { name: "echo", arguments: { message: "x" } }, "a") });
    expect(asked.headers.get("content-type")).toBe("application/json");
    expect(await asked.json()).toMatchObject({ id: "a", result: { content: [{ text: "Echo: x" }] } });
    const ended = await ask({ method: "DELETE", headers });
    expect(ended.status).toBe(200);
    const late = await ask({ headers, body: rpc("ping") });
    expect([late.status, await late.json()]).toEqual([
      404,
      { jsonrpc: "2.0", id: 1, error: expect.objectContaining({ code: -32001 }) },
    ]);
    expect(gateway.dataPath.stats().sessions).toBe(0);
  });

  it("has events where something comes before the answer, or where the answer takes long", async () => {
    const headers = await begin();
    const steps = await ask({ headers, body: rpc("tools/call", { name: "steps", _meta: { progressToken: "t" } }) });
    expect(steps.headers.get("content-type")).toBe("text/event-stream");
    const [primed, ...events] = eventsIn(await steps.text());
    expect(primed).toEqual({ id: expect.any(String), data: "" });
    expect(events.map(({ data }) => JSON.parse(data ?? "").method)).toEqual([
      ...Array(3).fill("notifications/progress"),
      undefined,
    ]);
    const cut = new AbortController();
    const waiting = await ask({ headers, body: rpc("tools/call", { name: "waits" }), signal: cut.signal });
    const reader = waiting.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toMatch(/^id: p\d+-0\ndata: \n\n$/);
    cut.abort();
    await ask({ method: "DELETE", headers });
  });

  it("resumes a stream from before its first event", async () => {
    const headers = await begin();
    const first = await ask({
      headers: { ...headers, accept: "text/event-stream" },
      body: rpc("tools/call", { name: "echo", arguments: { message: "again" } }),
    });
    const [primed] = eventsIn(await first.text());
    const cut = new AbortController();
    const resumed = await fetch(url, {
      headers: {
        ...headers,
        authorization: "Bearer ann",
        accept: "text/event-stream",
        "last-event-id": primed?.id ?? "",
      },
      signal: cut.signal,
    });
    expect(await resumed.text()).toContain("Echo: again");
    const unknown = await ask({ method: "GET", headers: { ...headers, "last-event-id": "p99-1" } });
    expect(unknown.status).toBe(400);
    await ask({ method: "DELETE", headers });
  });

  it("is told what belongs to no request on its own stream", async () => {
    const headers = await begin();
    const cut = new AbortController();
    const stream = await fetch(url, {
      headers: { ...headers, authorization: "Bearer ann", accept: "text/event-stream" },
      signal: cut.signal,
    });
    await (await ask({ headers, body: rpc("tools/call", { name: "grow" }) })).text();
    const reader = stream.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("notifications/tools/list_changed");
    cut.abort();
    await ask({ method: "DELETE", headers });
  });

  it("has a batch answered where its revision has them", async () => {
    const headers = await begin("2025-03-26");
    const body = [rpc("ping", {}, 1), rpc("ping", {}, 2)];
    const json = await ask({ headers: { ...headers, accept: "application/json" }, body });
    expect(await json.json()).toHaveLength(2);
    const without = { ...headers, "mcp-protocol-version": undefined };
    const events = eventsIn(await (await ask({ headers: without, body })).text());
    // Clients of that revision do not know events without data.
    expect(events.map(({ data }) => JSON.parse(data ?? "").id)).toEqual([1, 2]);
    await ask({ method: "DELETE", headers });
    const later = await begin();
    expect((await ask({ headers: later, body })).status).toBe(400);
    await ask({ method: "DELETE", headers: later });
  });

  it("is nobody else's", async () => {
    const headers = await begin("2025-11-25", "ann");
    const others = await Promise.all([
      ask({ as: "bob", headers, body: rpc("ping") }),
      ask({ as: "bob", headers, method: "GET" }),
      ask({ as: "bob", headers, method: "DELETE" }),
    ]);
    expect(others.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect((await ask({ headers, body: rpc("ping") })).status).toBe(200);
    await ask({ method: "DELETE", headers });
  });

  it.each<{ because: string; asking: Asking; want: [number, string] }>([
    { because: "it names no session", asking: { body: rpc("ping") }, want: [400, "SessionRequired"] },
    { because: "it has none to end", asking: { method: "DELETE" }, want: [400, "SessionRequired"] },
    {
      because: "its revision is none",
      asking: { headers: { "mcp-protocol-version": "1900-01-01" }, body: initialize() },
      want: [400, "UnsupportedVersion"],
    },
    {
      because: "it begins in a session",
      asking: { headers: { "mcp-session-id": "x" }, body: initialize() },
      want: [400, "BadRequest"],
    },
    {
      because: "it begins in a batch",
      asking: { body: [initialize(), rpc("ping", {}, 2)] },
      want: [400, "BadRequest"],
    },
    { because: "the body is no JSON", asking: { body: "{" }, want: [400, "ParseError"] },
    { because: "the body is no message", asking: { body: { id: 1 } }, want: [400, "InvalidRequest"] },
    { because: "the batch is empty", asking: { body: [] }, want: [400, "InvalidRequest"] },
    {
      because: "the body is something else",
      asking: { headers: { "content-type": "text/plain" }, body: initialize() },
      want: [415, "UnsupportedMediaType"],
    },
    {
      because: "it takes no answer",
      asking: { headers: { accept: "text/html" }, body: initialize() },
      want: [406, "NotAcceptable"],
    },
    {
      because: "it takes no stream",
      asking: { method: "GET", headers: { accept: "application/json" } },
      want: [406, "NotAcceptable"],
    },
    {
      because: "the body is too large",
      asking: { body: `"${"x".repeat(17 * 1024 * 1024)}"` },
      want: [413, "RequestTooLarge"],
    },
    {
      because: "nothing runs",
      asking: { at: "nothing", body: initialize() },
      want: [502, "UpstreamUnreachable"],
    },
  ])("is refused when $because", async ({ asking, want }) => {
    const at = asking.at === undefined ? url : `${gateway.url}/team-a/${asking.at}/mcp`;
    const answer = await ask({ ...asking, at });
    const [{ error }] = [await answer.json()].flat() as [{ error: { data: { reason: string } } }];
    expect([answer.status, error.data.reason]).toEqual(want);
    expect(answer.headers.get("slipway-reason")).toBe(want[1]);
    expect(gateway.dataPath.stats().sessions).toBe(0);
  });
});

const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
const stateless = (method: string, params: { name?: string } & object = {}, meta: object = {}): Asking => ({
  headers: {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    "mcp-name": params.name,
  },
  body: rpc(method, { ...params, _meta: { ...ENVELOPE, ...meta } }),
});

describe("a client without sessions", () => {
  it("has JSON where nothing comes before the answer, and events where something does", async () => {
    const plain = await ask(stateless("tools/call", { name: "echo", arguments: { message: "x" } } as { name: string }));
    expect(plain.headers.get("content-type")).toBe("application/json");
    expect(await plain.json()).toMatchObject({ id: 1, result: { content: [{ text: "Echo: x" }] } });
    const steps = await ask(stateless("tools/call", { name: "steps" }, { progressToken: "t" }));
    const events = eventsIn(await steps.text());
    expect(steps.headers.get("content-type")).toBe("text/event-stream");
    expect(events.map(({ data }) => JSON.parse(data ?? "").method)).toEqual([
      ...Array(3).fill("notifications/progress"),
      undefined,
    ]);
  });

  it("has the answer alone where it takes no events", async () => {
    const asking = stateless("tools/call", { name: "steps" }, { progressToken: "t" });
    const answer = await ask({ ...asking, headers: { ...asking.headers, accept: "application/json" } });
    expect(await answer.json()).toMatchObject({ id: 1, result: { content: [] } });
  });

  it("subscribes for as long as it reads", async () => {
    const cut = new AbortController();
    const { headers, body } = stateless("subscriptions/listen", {
      notifications: { toolsListChanged: true },
    } as object);
    const stream = await fetch(url, {
      method: "POST",
      headers: {
        ...(headers as { "mcp-method": string }),
        ...{ authorization: "Bearer ann", accept: "text/event-stream", "content-type": "application/json" },
        "mcp-name": "",
      },
      body: JSON.stringify(body),
      signal: cut.signal,
    });
    const reader = stream.body?.getReader();
    const next = async () => new TextDecoder().decode((await reader?.read())?.value);
    expect(await next()).toContain("notifications/subscriptions/acknowledged");
    await (await ask(stateless("tools/call", { name: "grow" }))).text();
    expect(await next()).toContain("notifications/tools/list_changed");
    cut.abort();
    await eventually("it is over", () => gateway.dataPath.stats().open === 0);
  });

  it.each<{ because: string; asking: Asking; status: number; code: number }>([
    {
      because: "a header names another tool",
      asking: {
        ...stateless("tools/call", { name: "echo" }),
        headers: { ...stateless("tools/call").headers, "mcp-name": "x" },
      },
      status: 400,
      code: -32020,
    },
  ])("is refused under the request's id when $because", async ({ asking, status, code }) => {
    const answer = await ask(asking);
    expect([answer.status, await answer.json()]).toEqual([
      status,
      { jsonrpc: "2.0", id: 1, error: expect.objectContaining({ code }) },
    ]);
  });

  it("has only POST", async () => {
    const answer = await ask({ method: "GET", headers: { "mcp-protocol-version": "2026-07-28" } });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("is let go when it does not read what it asked for", async () => {
    const { headers, body } = stateless("tools/call", { name: "flood" }, { progressToken: "t" });
    const outgoing = request(url, {
      ...{ method: "POST", agent: false },
      headers: {
        ...(headers as Record<string, string>),
        ...{ authorization: "Bearer ann", accept: "text/event-stream", "content-type": "application/json" },
      },
    });
    outgoing.on("error", () => undefined).end(JSON.stringify(body));
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    response.on("error", () => undefined).pause();
    // 64 MB come; it may leave 16 unread.
    await eventually("it is broken off", () => gateway.dataPath.stats().open === 0);
    outgoing.destroy();
  });
});
