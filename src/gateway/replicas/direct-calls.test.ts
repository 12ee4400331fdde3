import { once } from "node:events";
import { request } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import { addressOf, servesItself, startFollower, startLeader } from "../../../test/support/mcp/replicas.ts";
import { ask, endpointAt, outerAddress, reasonIn, startServer } from "../../../test/support/mcp-gateway.ts";
import type { Endpoint } from "../directory.ts";
import type { UseAccess } from "../mcp/use-access.ts";

const PATH = "/team-a/files/mcp";
const KEY = { namespace: "team-a", name: "files" };
const ACCESS: UseAccess = {
  authenticate: async (token) => (token === "dev" ? { username: token } : undefined),
  mayUse: async () => true,
};

/** A server that answers when it is told to, at an address of its own. */
async function startWorld() {
  await using stack = new AsyncDisposableStack();
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  const { promise: answers, resolve: answer } = Promise.withResolvers<void>();
  const server = stack.use(
    await startServer(async ({ method }, response) => {
      if (method === "GET") return response.end();
      isAsked();
      await answers;
      return response.end("{}");
    }, outerAddress()),
  );
  const endpoint = endpointAt(server.url);
  const options = { requireToken: true, access: ACCESS };
  const leader = stack.use(await startLeader([endpoint], options));
  const follower = stack.use(await startFollower([endpoint], leader.url, options));
  await servesItself(follower, "files", "dev");
  const outgoing = request(follower.url + PATH, {
    method: "POST",
    agent: false,
    headers: { authorization: "Bearer dev" },
  });
  outgoing.end("{}");
  const answered = once(outgoing, "response");
  await asked;
  const parts = stack.move();
  /** What the cache of each replica has. */
  const see = (each: Endpoint) => {
    for (const gateway of [leader, follower]) gateway.directory.receive([each], []);
  };
  return {
    ...{ leader, follower, endpoint, answer, answered, see },
    [Symbol.asyncDispose]: async () => {
      answer();
      await parts.disposeAsync();
    },
  };
}

describe("a call that a follower passes through itself", () => {
  it("has its time while its server is about to be replaced", async () => {
    await using world = await startWorld();
    const { leader, endpoint, see } = world;
    expect(leader.dataPath.stats().open).toBe(0);
    see({ ...endpoint, changing: true });
    await eventually("the leader has heard of it", () => leader.dataPath.stats().open === 1, { everyMs: 5 });
    let isOver = false;
    const calls = leader.dataPath.drain(KEY, true, () => {
      isOver = true;
    });
    // And one for what it may not have heard of yet.
    expect(calls).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    expect(isOver).toBe(false);
    world.answer();
    await world.answered;
    await eventually("it is over", () => isOver && leader.dataPath.stats().open === 0, { everyMs: 5 });
  });

  it("is told of to the next leader, and no longer where its server stays", async () => {
    await using world = await startWorld();
    const { leader, follower, endpoint, see } = world;
    follower.dataPath.follow({ isSelf: false, gatewayAddress: undefined });
    see({ ...endpoint, changing: true });
    follower.dataPath.follow({ isSelf: false, gatewayAddress: addressOf(leader.url) });
    await eventually("the leader has heard of it", () => leader.dataPath.stats().open === 1, { everyMs: 5 });
    see(endpoint);
    await eventually("it hears of it no longer", () => leader.dataPath.stats().open === 0, { everyMs: 5 });
  });

  it("is no longer told of to who has ceased to lead", async () => {
    await using world = await startWorld();
    const { leader, endpoint, see } = world;
    see({ ...endpoint, changing: true });
    await eventually("the leader has heard of it", () => leader.dataPath.stats().open === 1, { everyMs: 5 });
    leader.dataPath.follow({ isSelf: false, gatewayAddress: undefined });
    await eventually("it hears of it no longer", () => leader.dataPath.stats().open === 0, { everyMs: 5 });
  });
});

it.each([
  { because: "its token is nobody's", token: "other", follows: false, want: [401, "Unauthorized"] },
  { because: "it is told to one that does not lead", token: "dev", follows: true, want: [503, "NotLeading"] },
])("hears of no calls where $because", async ({ token, follows, want }) => {
  const start = follows ? startFollower([], undefined, {}) : startLeader([], { requireToken: true, access: ACCESS });
  await using gateway = await start;
  const headers = { authorization: `Bearer ${token}`, "slipway-forwarded": "calls" };
  const answered = await ask(gateway.url + PATH, { headers });
  expect([answered.status, reasonIn(answered)]).toEqual(want);
});
