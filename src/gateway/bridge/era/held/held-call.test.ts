import { describe, expect, it } from "@jest/globals";
import { heldWorld } from "../../../../../test/support/mcp/held-world.ts";
import { notification, request } from "../../../../../test/support/mcp/server-channel.ts";

const SAMPLE = { messages: [], maxTokens: 5 };
const SAMPLED = { role: "assistant", content: { type: "text", text: "hm" }, model: "m" };

describe("a call whose server turns to the client", () => {
  it("goes on where it was when the client comes back with what was asked", async () => {
    const world = heldWorld();
    const first = await world.call("ann");
    const [server] = world.own;
    expect(server?.sentOf("initialize")[0]?.params).toMatchObject({
      capabilities: { sampling: {}, elicitation: { form: {} } },
    });
    expect(world.shared[0]?.sentOf("tools/call")).toEqual([]);
    server?.says(request("s", "sampling/createMessage", SAMPLE));
    const round = await first.input();
    expect(round.inputRequests).toEqual({ "input-1": { method: "sampling/createMessage", params: SAMPLE } });
    first.port.close();
    const second = await world.call("ann", {
      requestState: round.requestState,
      inputResponses: { "input-1": SAMPLED },
    });
    expect(server?.sent.at(-1)).toEqual({ jsonrpc: "2.0", id: "s", result: SAMPLED });
    expect(server?.sentOf("tools/call")).toHaveLength(1);
    server?.answers("tools/call", { content: [] });
    expect(await second.answer()).toMatchObject({ result: { content: [], resultType: "complete" } });
    expect([world.own.length, world.held.size]).toEqual([1, 0]);
  });

  it("asks for all that comes at once, and again for what is missing", async () => {
    const world = heldWorld();
    const first = await world.call("ann");
    const [server] = world.own;
    server?.says(request("a", "sampling/createMessage", SAMPLE));
    server?.says(request("b", "elicitation/create", { message: "?", requestedSchema: {} }));
    const round = await first.input();
    expect(Object.keys(round.inputRequests)).toEqual(["input-1", "input-2"]);
    const again = await world.call("ann", {
      requestState: round.requestState,
      inputResponses: { "input-2": { action: "decline" } },
    });
    const rest = await again.input();
    expect(Object.keys(rest.inputRequests)).toEqual(["input-1"]);
    expect(rest.requestState).not.toBe(round.requestState);
  });

  it("has its result kept while the client gathers what nobody needs any more", async () => {
    const world = heldWorld();
    const first = await world.call("ann");
    const [server] = world.own;
    server?.says(request("s", "sampling/createMessage", SAMPLE));
    const { requestState } = await first.input();
    server?.says(notification("notifications/cancelled", { requestId: "s" }));
    server?.answers("tools/call", { content: [{ type: "text", text: "without you" }] });
    const second = await world.call("ann", { requestState, inputResponses: { "input-1": SAMPLED } });
    expect(await second.answer()).toMatchObject({ result: { content: [{ text: "without you" }] } });
    expect(server?.sent.filter((message) => !("method" in message))).toEqual([]);
  });

  it("brings along what the server asked before", async () => {
    const world = heldWorld();
    const list = await world.call("ann", {}, { method: "tools/list" });
    const [server] = world.own;
    server?.says(request("r", "sampling/createMessage", SAMPLE));
    server?.answers("tools/list", { tools: [] });
    expect(await list.answer()).toMatchObject({ result: { tools: [] } });
    const round = await (await world.call("ann")).input();
    expect(Object.keys(round.inputRequests)).toEqual(["input-1"]);
    expect(world.own).toHaveLength(1);
  });

  it.each([
    { because: "the client does not offer it", asked: request("q", "roots/list"), says: "does not offer" },
    {
      because: "it goes by a URL",
      asked: request("q", "elicitation/create", { mode: "url", url: "https://a" }),
      says: "by url",
    },
    { because: "it has tools", asked: request("q", "sampling/createMessage", { tools: [] }), says: "with tools" },
    { because: "nobody knows it", asked: request("q", "constructor"), says: "no client knows" },
  ])("is not held when $because", async ({ asked, says }) => {
    const world = heldWorld();
    const call = await world.call("ann");
    world.own[0]?.says(asked);
    await world.settled();
    expect(world.own[0]?.sent.at(-1)).toMatchObject({
      id: "q",
      error: { message: expect.stringContaining(says) },
    });
    expect([call.client.received, world.held.size]).toEqual([[], 0]);
  });

  it.each([
    { because: "somebody else brings its state", owner: "bob", change: {}, says: "somebody else" },
    { because: "it is for another request", owner: "ann", change: { name: "other" }, says: "another request" },
    { because: "the answers are none", owner: "ann", change: { inputResponses: { "input-1": 1 } }, says: "no result" },
    { because: "the state is no text", owner: "ann", change: { requestState: 1 }, says: "no text" },
  ])("stays as it is when $because", async ({ owner, change, says }) => {
    const world = heldWorld();
    const first = await world.call("ann");
    world.own[0]?.says(request("s", "sampling/createMessage", SAMPLE));
    const { requestState } = await first.input();
    const wrong = await world.call(owner, { requestState, inputResponses: { "input-1": SAMPLED }, ...change });
    expect(await wrong.answer()).toMatchObject({
      error: {
        code: -32602,
        message: expect.stringContaining(says),
        data: { reason: "InvalidRequestState" },
      },
    });
    const right = await world.call("ann", { requestState, inputResponses: { "input-1": SAMPLED } });
    world.own[0]?.answers("tools/call", { content: [] });
    expect(await right.answer()).toMatchObject({ result: {} });
  });

  it("is taken up once", async () => {
    const world = heldWorld();
    const first = await world.call("ann");
    world.own[0]?.says(request("s", "sampling/createMessage", SAMPLE));
    const { requestState } = await first.input();
    const [one, two] = await Promise.all([world.call("ann", { requestState }), world.call("ann", { requestState })]);
    expect(await two?.answer()).toMatchObject({
      error: { message: expect.stringContaining("has been used") },
    });
    expect((await one?.input())?.inputRequests).toHaveProperty("input-1");
  });

  it("is given up when nobody comes back, and says so afterwards", async () => {
    const world = heldWorld();
    const first = await world.call("ann");
    const [server] = world.own;
    server?.says(request("s", "sampling/createMessage", SAMPLE));
    const { requestState } = await first.input();
    await world.clock.advance(300_000);
    const [id] = server?.sentOf("tools/call") ?? [];
    expect(server?.sent.slice(-2)).toMatchObject([
      { id: "s", error: { message: expect.stringContaining("in time") } },
      { method: "notifications/cancelled", params: { requestId: id?.id } },
    ]);
    expect([server?.isClosed, world.held.size, world.servers.ownProcesses]).toEqual([true, 0, 0]);
    const late = await world.call("ann", { requestState });
    expect(await late.answer()).toMatchObject({ error: { message: expect.stringContaining("expired") } });
  });

  it("is told when the server ends while it is held", async () => {
    const world = heldWorld();
    const first = await world.call("ann");
    world.own[0]?.says(request("s", "sampling/createMessage", SAMPLE));
    const { requestState } = await first.input();
    world.own[0]?.dies("it was killed");
    const late = await world.call("ann", { requestState });
    expect(await late.answer()).toMatchObject({ error: { message: "it was killed" } });
    expect([world.held.size, world.servers.ownProcesses]).toEqual([0, 0]);
  });

  it("is cancelled when the client leaves, and its server with it", async () => {
    const world = heldWorld();
    const call = await world.call("ann");
    call.port.close();
    expect(world.own[0]?.sent.at(-1)).toMatchObject({ method: "notifications/cancelled" });
    expect([world.own[0]?.isClosed, world.servers.ownProcesses]).toEqual([true, 0]);
  });

  it("has progress under the token of the request that waits now", async () => {
    const world = heldWorld();
    const first = await world.call("ann", { _meta: { progressToken: "one" } });
    const [server] = world.own;
    const token = server?.sentOf("tools/call")[0]?.id ?? 0;
    const progress = (n: number) =>
      server?.says(notification("notifications/progress", { progressToken: token, progress: n }));
    progress(1);
    server?.says(request("s", "sampling/createMessage", SAMPLE));
    const { requestState } = await first.input();
    progress(2);
    const second = await world.call("ann", {
      requestState,
      inputResponses: { "input-1": SAMPLED },
      _meta: { progressToken: "two" },
    });
    progress(3);
    const told = [first, second].map(({ client }) => client.received.filter((message) => "method" in message));
    expect(told).toMatchObject([
      [{ params: { progressToken: "one", progress: 1 } }],
      [{ params: { progressToken: "two", progress: 3 } }],
    ]);
  });

  it("is refused input, and goes on, where no more can be held", async () => {
    const world = heldWorld({ held: { perOwner: 1 } });
    const first = await world.call("ann");
    world.own[0]?.says(request("s", "sampling/createMessage", SAMPLE));
    await first.input();
    const second = await world.call("ann");
    world.own[1]?.says(request("t", "sampling/createMessage", SAMPLE));
    await world.settled();
    expect(world.own[1]?.sent.at(-1)).toMatchObject({
      id: "t",
      error: { message: expect.stringContaining("too many") },
    });
    world.own[1]?.answers("tools/call", { content: [] });
    expect(await second.answer()).toMatchObject({ result: {} });
  });
});

describe("servers that clients have for themselves", () => {
  it("are used again by who had them, and by nobody else", async () => {
    const world = heldWorld();
    for (const owner of ["ann", "ann", "bob"]) {
      const call = await world.call(owner);
      world.own.at(-1)?.answers("tools/call", { content: [] });
      await call.answer();
    }
    expect(world.own).toHaveLength(2);
    await world.clock.advance(60_000);
    expect(world.own.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    expect(world.servers.ownProcesses).toBe(0);
  });

  it("are told of their client by its own name, and are not another client's of the same caller", async () => {
    const world = heldWorld();
    for (const name of ["editor", "chat", "editor"]) {
      const call = await world.call("ann", {}, { clientInfo: { name, version: "2" } });
      for (const server of world.own) server.answers("tools/call", { content: [] });
      expect(await call.answer()).toMatchObject({ result: {} });
    }
    const greeted = world.own.map((server) => server.sentOf("initialize")[0]?.params?.clientInfo);
    expect(greeted).toEqual(["editor", "chat"].map((name) => ({ name, version: "2" })));
  });

  it("make room for others when they rest, and not while they work", async () => {
    const world = heldWorld({ ownProcesses: 1 });
    const ann = await world.call("ann");
    const refused = await world.call("bob");
    expect(await refused.answer()).toMatchObject({ error: { data: { reason: "TooManySessions" } } });
    world.own[0]?.answers("tools/call", { content: [] });
    await ann.answer();
    await world.call("bob");
    expect(world.own.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it("are waited for by further calls of the same client", async () => {
    const world = heldWorld({ ownProcesses: 1 });
    const first = await world.call("ann");
    const second = await world.call("ann");
    expect(world.own[0]?.sentOf("tools/call")).toHaveLength(1);
    world.own[0]?.answers("tools/call", { content: [] });
    await first.answer();
    await world.settled();
    expect(world.own[0]?.sentOf("tools/call")).toHaveLength(2);
    world.own[0]?.answers("tools/call", { content: [] });
    expect(await second.answer()).toMatchObject({ result: {} });
  });

  it("are told of when they cannot be had", async () => {
    const world = heldWorld({
      openOwn: async () => {
        throw new Error("no such program");
      },
    });
    expect(await (await world.call("ann")).answer()).toMatchObject({
      error: { data: { reason: "UpstreamUnreachable" } },
    });
  });

  it("are not needed by those who cannot be asked", async () => {
    const world = heldWorld();
    await world.call("ann", {}, { capabilities: {} });
    expect([world.own.length, world.shared[0]?.sentOf("tools/call").length]).toEqual([0, 1]);
  });
});
