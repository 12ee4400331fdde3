import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { callAtWork } from "../support/mcp/call-at-work.ts";
import { type ClientKind, connectClient } from "../support/mcp/clients.ts";
import { type Everything, startEverything } from "../support/mcp/everything.ts";
import { callTool, FEATURES, type FeatureName, type ServerProgram } from "../support/mcp/features.ts";
import { bodyOf, openCall } from "../support/mcp/open-call.ts";
import {
  addressOf,
  seenByFollower,
  servesItself,
  startFollower,
  startLeader,
  startLeaderProcess,
} from "../support/mcp/replicas.ts";
import { type StdioPlace, startStdioPlace, stdioEndpoint } from "../support/mcp/stdio-processes.ts";
import { ask, endpointAt, type GatewayUnderTest, outerAddress, reasonIn, startServer } from "../support/mcp-gateway.ts";

/** Clients at a replica that does not lead, of servers that only the one that leads can serve. */
let place: StdioPlace;
let sse: Everything;
let leader: GatewayUnderTest;
let follower: GatewayUnderTest;

const FEATURE_NAMES = Object.keys(FEATURES) as FeatureName[];
const JSON_HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };

beforeAll(async () => {
  [place, sse] = await Promise.all([startStdioPlace(), startEverything("sse")]);
  const processes = ["everything", "every-feature", "modern"].map((id) => stdioEndpoint(id));
  const legacy = endpointAt(sse.url, { name: "legacy", transport: "sse" });
  leader = await startLeader([...processes, legacy], { streamsSocket: place.socketPath });
  follower = await startFollower([...processes.map(seenByFollower), legacy], leader.url);
}, 60_000);

afterAll(async () => {
  await follower[Symbol.asyncDispose]();
  await leader[Symbol.asyncDispose]();
  await Promise.all([place[Symbol.asyncDispose](), sse[Symbol.asyncDispose]()]);
});

const urlOf = (name: string, gateway = follower) => `${gateway.url}/team-a/${name}/mcp`;
const isQuiet = () => leader.dataPath.stats().open === 0 && follower.dataPath.stats().open === 0;

describe.each<{ server: ServerProgram; kind: ClientKind; but: readonly FeatureName[] }>([
  { server: "everything", kind: "v1 streamable", but: [] },
  { server: "everything", kind: "v2 pinned", but: ["logging", "8 MB results"] },
  { server: "every-feature", kind: "v2 legacy", but: ["logging"] },
  { server: "every-feature", kind: "v2 pinned", but: ["logging"] },
])("a client $kind of $server over stdio, through a follower", ({ server, kind, but }) => {
  it.each(FEATURE_NAMES.filter((name) => !but.includes(name)))(
    "has %s",
    async (name) => {
      await using client = await connectClient(kind, urlOf(server));
      await FEATURES[name]({ client, server });
    },
    60_000,
  );
});

it("serves clients of legacy SSE, whichever replica they post to", async () => {
  await using client = await connectClient("v1 sse", urlOf("legacy"));
  const said = await callTool(client, "trigger-sampling-request", { prompt: "p", maxTokens: 5 });
  expect(said).toContain("sampled");
});

it("counts what it passes on where that is served", async () => {
  // Both reach it; it is the client's era that has it passed on.
  const server = endpointAt(sse.url.replace("127.0.0.1", outerAddress()), { name: "outside", transport: "sse" });
  await using leading = await startLeader([server]);
  await using gateway = await startFollower([server], leading.url);
  const countOf = ({ dataPath }: GatewayUnderTest) => dataPath.stats().deployments[0]?.requests["2xx"] ?? 0;
  await eventually("the follower serves it itself", async () => {
    const forwarded = JSON.stringify(gateway.dataPath.stats().forwarded);
    const stream = await fetch(urlOf("outside", gateway), { headers: { accept: "text/event-stream" } });
    await stream.body?.cancel();
    return stream.status === 200 && JSON.stringify(gateway.dataPath.stats().forwarded) === forwarded;
  });
  await eventually("its client has left", () => gateway.dataPath.stats().open === 0);
  const before = { gateway: countOf(gateway), leading: countOf(leading) };
  const said = await callStateless(urlOf("outside", gateway), { name: "echo", arguments: { message: "m" } });
  expect(JSON.stringify(said)).toContain("Echo: m");
  await eventually("the leader has counted it", () => countOf(leading) === before.leading + 1);
  expect(countOf(gateway)).toBe(before.gateway);
}, 30_000);

describe("a session of the leader's", () => {
  const params = (capabilities = {}) => ({
    ...{ protocolVersion: "2025-11-25", capabilities },
    clientInfo: { name: "raw", version: "1" },
  });
  const post = (message: object, headers: Record<string, string> = {}, gateway = follower) =>
    fetch(urlOf("modern", gateway), {
      method: "POST",
      headers: { ...JSON_HEADERS, ...headers },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
  const begin = async () => {
    const greeted = await post({ id: 1, method: "initialize", params: params() });
    await greeted.text();
    const session = {
      "mcp-session-id": greeted.headers.get("mcp-session-id") ?? "",
      "mcp-protocol-version": "2025-11-25",
    };
    expect((await post({ method: "notifications/initialized" }, session, leader)).status).toBe(202);
    return session;
  };

  it("is one at every replica, has its stream of events, and ends", async () => {
    const session = await begin();
    const cut = new AbortController();
    const headers = { ...session, accept: "text/event-stream" };
    const stream = await fetch(urlOf("modern"), { headers, signal: cut.signal });
    const heard = textUntil(stream, "list_changed");
    const call = { id: 2, method: "tools/call", params: { name: "grow", arguments: {} } };
    expect(await (await post(call, session, leader)).text()).toContain('"id":2');
    expect(await heard).toContain("notifications/tools/list_changed");
    cut.abort();
    expect((await fetch(urlOf("modern"), { method: "DELETE", headers: session })).status).toBe(200);
    expect((await post({ id: 3, method: "ping" }, session)).status).toBe(404);
  });

  it("is resumed where a stream broke off", async () => {
    const session = await begin();
    const cut = new AbortController();
    const call = { id: 2, method: "tools/call", params: { name: "steps", _meta: { progressToken: "t" } } };
    const events = { ...session, accept: "text/event-stream" };
    const first = await (await post(call, events)).text();
    const [, primed = ""] = /^id: (.+)$/m.exec(first) ?? [];
    expect(primed).not.toBe("");
    const resumed = await fetch(urlOf("modern"), {
      headers: { ...events, "last-event-id": primed },
      signal: cut.signal,
    });
    expect((await textUntil(resumed, '"result"')).match(/notifications\/progress/g)).toHaveLength(3);
    cut.abort();
    await fetch(urlOf("modern"), { method: "DELETE", headers: session });
  });
});

it("frees what a client had that vanishes, at both replicas", async () => {
  await eventually("nothing is under way", isQuiet, { everyMs: 10 });
  const { outgoing } = await openCall(urlOf("modern"), "waits");
  await eventually("it is under way", () => leader.dataPath.stats().open === 1, { everyMs: 5 });
  outgoing.destroy();
  await eventually("nothing is open", isQuiet, { everyMs: 10 });
});

it("lets a slow reader hold up its server, not fill this process", async () => {
  const chunk = Buffer.alloc(256 * 1024, "x");
  let sent = 0;
  await using server = await startServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = () => {
      do sent += chunk.length;
      while (response.write(chunk) && sent < 1024 ** 3);
    };
    response.on("drain", more);
    more();
  });
  // At loopback, which is the leader's.
  const endpoint = endpointAt(server.url, { name: "endless" });
  for (const gateway of [leader, follower]) gateway.directory.receive([endpoint], []);
  const before = follower.dataPath.stats().forwarded?.gone ?? 0;
  const outgoing = request(urlOf("endless"), { agent: false });
  outgoing.on("error", () => undefined).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.on("error", () => undefined).pause();
  let last = -1;
  await eventually("it is held up", () => {
    const isSame = last === sent;
    last = sent;
    return isSame;
  });
  // Buffers of the system, of three connections.
  expect(sent).toBeLessThan(64 * 1024 * 1024);
  outgoing.destroy();
  await eventually("it has ended", () => isQuiet() && follower.dataPath.stats().forwarded?.gone === before + 1);
}, 30_000);

describe("the leader, killed with -9 in mid-call", () => {
  it.each<ClientKind>(["v1 streamable", "v2 legacy", "v2 pinned"])(
    "fails the call of a client %s within two seconds; the next one works after the failover",
    async (kind) => {
      await using dying = await startLeaderProcess();
      await using heir = await startFollower([seenByFollower(stdioEndpoint("modern"))], dying.url, {
        streamsSocket: place.socketPath,
      });
      const client = await connectClient(kind, urlOf("modern", heir));
      const { ended } = await callAtWork(client);
      const killedMs = performance.now();
      dying.kill("SIGKILL");
      expect(await ended).toContain("the replica that led ended before it had answered");
      expect(performance.now() - killedMs).toBeLessThan(2_000);
      await expect(callTool(client, "echo", { message: "now" })).rejects.toThrow(/the replica that le/);
      // It leads, and its controllers have looked at what runs.
      heir.dataPath.follow({ isSelf: true, gatewayAddress: undefined });
      heir.directory.receive([stdioEndpoint("modern#heir", { name: "modern" })], []);
      // Who has no session goes on; who has one hears that it is gone, and begins another.
      const next = callTool(client, "echo", { message: "m" });
      if (kind === "v2 pinned") expect(await next).toBe("Echo: m");
      else await expect(next).rejects.toThrow(/404|session/i);
      await using again = await connectClient(kind, urlOf("modern", heir));
      expect(await callTool(again, "echo", { message: "again" })).toBe("Echo: again");
      await client[Symbol.asyncDispose]();
    },
    30_000,
  );
});

it("tells a client of legacy SSE, too, that the leader was killed in mid-call", async () => {
  const endpoint = endpointAt(sse.url, { name: "legacy", transport: "sse" });
  await using dying = await startLeaderProcess(sse.url);
  await using gateway = await startFollower([endpoint], dying.url);
  const client = await connectClient("v1 sse", urlOf("legacy", gateway));
  const atWork = Promise.withResolvers<void>();
  const params = { name: "trigger-long-running-operation", arguments: { duration: 20, steps: 200 } };
  const ended = client.call("tools/call", params, { onProgress: () => atWork.resolve(), timeoutMs: 20_000 });
  const told = expect(ended).rejects.toThrow("the replica that led ended before it had answered");
  await atWork.promise;
  const killedMs = performance.now();
  dying.kill("SIGKILL");
  await told;
  expect(performance.now() - killedMs).toBeLessThan(2_000);
  gateway.dataPath.follow({ isSelf: false, gatewayAddress: addressOf(leader.url) });
  await using next = await connectClient("v1 sse", urlOf("legacy", gateway));
  expect(await callTool(next, "echo", { message: "m" })).toBe("Echo: m");
  await client[Symbol.asyncDispose]();
}, 30_000);

it.each(["another replica", "the leader itself"] as const)(
  "tells a client of legacy SSE that the leader was killed, though it posted its call to %s",
  async (posted) => {
    const endpoint = endpointAt(sse.url, { name: "legacy", transport: "sse" });
    await using dying = await startLeaderProcess(sse.url);
    await using gateway = await startFollower([endpoint], dying.url);
    await using other = await startFollower([endpoint], dying.url);
    const opened = await fetch(urlOf("legacy", gateway), { headers: { accept: "text/event-stream" } });
    let said = "";
    const ended = (async () => {
      for await (const chunk of opened.body ?? []) said += Buffer.from(chunk as Uint8Array).toString();
    })();
    const messages = await eventually("where to post", () => /^data: (.+)$/m.exec(said)?.[1]);
    const post = async (message: object) => {
      const url = new URL(messages, posted === "another replica" ? other.url : dying.url);
      const body = JSON.stringify({ jsonrpc: "2.0", ...message });
      const answered = await fetch(url, { method: "POST", headers: JSON_HEADERS, body });
      expect(answered.status).toBe(202);
    };
    const clientInfo = { name: "raw", version: "1" };
    await post({
      ...{ id: 1, method: "initialize" },
      params: { protocolVersion: "2024-11-05", capabilities: {}, clientInfo },
    });
    await eventually("its greeting", () => said.includes('"id":1'));
    await post({ method: "notifications/initialized" });
    const work = { name: "trigger-long-running-operation", arguments: { duration: 20, steps: 200 } };
    await post({ id: 2, method: "tools/call", params: { ...work, _meta: { progressToken: "t" } } });
    await eventually("it is at work", () => said.includes("notifications/progress"));
    const killedMs = performance.now();
    dying.kill("SIGKILL");
    await ended;
    expect(performance.now() - killedMs).toBeLessThan(2_000);
    const last = said.split("data: ").at(-1) ?? "";
    const message = expect.stringContaining("the replica that led ended before it had answered");
    expect(JSON.parse(last)).toMatchObject({ id: 2, error: { message } });
    expect(said.match(/"error"/g)).toHaveLength(1);
  },
  30_000,
);

it("cuts what is under way at a leader that says nothing, once another leads", async () => {
  await using frozen = await startLeaderProcess();
  const clock = new FakeClock();
  await using gateway = await startFollower([seenByFollower(stdioEndpoint("modern"))], frozen.url, { clock });
  const { response } = await openCall(urlOf("modern", gateway), "waits");
  const body = bodyOf(response);
  frozen.kill("SIGSTOP");
  gateway.dataPath.follow({ isSelf: false, gatewayAddress: addressOf(leader.url) });
  await using client = await connectClient("v2 pinned", urlOf("modern", gateway));
  expect(await callTool(client, "echo", { message: "m" })).toBe("Echo: m");
  // A leader that gives up its lease lets its calls end.
  await clock.advance(6_000);
  expect(await body).toContain("another replica of the gateway leads now");
}, 30_000);

describe("a held call of a leader that is none any more", () => {
  it("is refused, and says why", async () => {
    await using former = await startLeader([stdioEndpoint("everything#former", { name: "everything" })], {
      streamsSocket: place.socketPath,
    });
    await using gateway = await startFollower([seenByFollower(stdioEndpoint("everything"))], former.url);
    const tool = { name: "trigger-sampling-request", arguments: { prompt: "p", maxTokens: 5 } };
    const asked = await callStateless(urlOf("everything", gateway), tool);
    expect(asked.result).toMatchObject({ resultType: "input_required" });
    gateway.dataPath.follow({ isSelf: false, gatewayAddress: addressOf(leader.url) });
    const { requestState } = asked.result as { requestState: string };
    const inputResponses = { "input-1": { model: "m", role: "assistant", content: { type: "text", text: "s" } } };
    const late = await callStateless(urlOf("everything", gateway), { ...tool, requestState, inputResponses });
    expect(late.error).toMatchObject({ code: -32602, message: expect.stringContaining("started again") });
  });
});

it("passes servers that listen through itself, whoever leads, and their sessions outlive a failover", async () => {
  const asked: (string | undefined)[] = [];
  await using server = await startServer((incoming, response) => {
    asked.push(incoming.headers["slipway-forwarded"]?.toString());
    response.setHeader("mcp-session-id", "the server's own").end(`{"session":"${incoming.headers["mcp-session-id"]}"}`);
  }, outerAddress());
  const endpoint = endpointAt(server.url, { name: "listens" });
  await using gateway = await startFollower([endpoint], undefined);
  await servesItself(gateway, "listens");
  const { forwarded } = gateway.dataPath.stats();
  asked.splice(0);
  const session = { "mcp-session-id": "the server's own", "slipway-forwarded": "1" };
  const one = await ask(urlOf("listens", gateway), { body: "{}", headers: session });
  gateway.dataPath.follow({ isSelf: true, gatewayAddress: undefined });
  const other = await ask(urlOf("listens", gateway), { body: "{}", headers: session });
  expect([one.body, other.body]).toEqual(Array(2).fill('{"session":"the server\'s own"}'));
  // What is said between replicas no server hears.
  expect(asked).toEqual([undefined, undefined]);
  // What serves is about to change: the leader knows to what, and nobody leads.
  gateway.dataPath.follow({ isSelf: false, gatewayAddress: undefined });
  gateway.directory.receive([{ ...endpoint, changing: true }], []);
  const changing = await ask(urlOf("listens", gateway), { body: "{}", headers: JSON_HEADERS });
  expect([changing.status, reasonIn(changing)]).toEqual([503, "NoLeader"]);
  expect(gateway.dataPath.stats().forwarded).toEqual({ ...forwarded, refused: (forwarded?.refused ?? 0) + 1 });
});

it("lists what the leader serves as ready", async () => {
  const { servers } = JSON.parse((await ask(`${follower.url}/`)).body) as {
    servers: { name: string; ready: boolean }[];
  };
  expect(servers).toEqual(expect.arrayContaining([expect.objectContaining({ name: "modern", ready: true })]));
});

async function callStateless(url: string, params: { name: string } & Record<string, unknown>) {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": { sampling: {} },
  };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { ...params, _meta } });
  const headers = {
    ...JSON_HEADERS,
    ...{ "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": params.name },
  };
  const text = await (await fetch(url, { method: "POST", headers, body })).text();
  return JSON.parse(/^data: (.+)$/m.exec(text)?.[1] ?? text) as { result?: unknown; error?: unknown };
}

async function textUntil({ body }: Response, what: string): Promise<string> {
  let said = "";
  for await (const chunk of body ?? []) {
    said += Buffer.from(chunk as Uint8Array).toString();
    if (said.includes(what)) return said;
  }
  return said;
}
