import { describe, expect, it } from "@jest/globals";
import {
  addressOf,
  seenByFollower,
  servesItself,
  startFollower,
  startLeader,
} from "../../../test/support/mcp/replicas.ts";
import { stdioEndpoint } from "../../../test/support/mcp/stdio-processes.ts";
import {
  ask,
  endpointAt,
  type GatewayUnderTest,
  outerAddress,
  reasonIn,
  startServer,
} from "../../../test/support/mcp-gateway.ts";
import type { UseAccess } from "../mcp/use-access.ts";

const PATH = "/team-a/files/mcp";
const STOPPED = { ready: false, reason: "Stopped", message: "it is stopped", retryAfterSeconds: 30 } as const;
const asked = (gateway: GatewayUnderTest, headers: Record<string, string> = {}) =>
  ask(gateway.url + PATH, { body: '{"jsonrpc":"2.0","id":7,"method":"ping"}', headers });
/** Lets in whose token is `name`. */
const accessOf = (...names: string[]): UseAccess & { asked: string[] } => {
  const asked: string[] = [];
  return {
    asked,
    async authenticate(token) {
      asked.push(token);
      return names.includes(token) ? { username: token } : undefined;
    },
    mayUse: async ({ username }) => username !== "stranger",
  };
};

describe("what only the leader can serve", () => {
  it.each([
    { because: "nobody leads", address: undefined },
    { because: "what the Lease says is a URL", address: "http://127.0.0.1:7080" },
    { because: "what the Lease says has a user", address: "user@127.0.0.1:7080" },
    { because: "what the Lease says has a path", address: "127.0.0.1:7080/x" },
  ])("is refused for a while where $because", async ({ address }) => {
    await using gateway = await startFollower([seenByFollower(stdioEndpoint("files"))], undefined);
    gateway.dataPath.follow({ isSelf: false, gatewayAddress: address });
    const answered = await asked(gateway);
    expect([answered.status, reasonIn(answered), answered.headers["retry-after"]]).toEqual([503, "NoLeader", "2"]);
    expect(gateway.dataPath.stats().forwarded).toEqual({ answered: 0, gone: 0, failed: 0, refused: 1 });
  });

  it("says why it is not ready where nobody leads", async () => {
    const endpoint = endpointAt("http://10.0.0.1/mcp", { state: STOPPED });
    await using gateway = await startFollower([endpoint], undefined);
    const answered = await asked(gateway);
    expect([answered.status, reasonIn(answered), answered.headers["retry-after"]]).toEqual([503, "Stopped", "30"]);
  });

  it("fails soon where the leader takes no connections", async () => {
    let url = "";
    {
      await using gone = await startServer(() => undefined);
      url = gone.url;
    }
    await using gateway = await startFollower([seenByFollower(stdioEndpoint("files"))], url);
    const answered = await asked(gateway);
    expect([answered.status, reasonIn(answered), answered.headers["retry-after"]]).toEqual([
      503,
      "LeaderUnreachable",
      "1",
    ]);
    expect(JSON.parse(answered.body)).toMatchObject({ id: 7 });
    expect(gateway.dataPath.stats().forwarded).toMatchObject({ failed: 1 });
  });

  it("is also what this replica does not reach itself", async () => {
    await using server = await startServer((_request, response) => response.end("{}"), outerAddress());
    let closed = "";
    {
      await using gone = await startServer(() => undefined, outerAddress());
      closed = gone.url;
    }
    await using leader = await startLeader([endpointAt(server.url)]);
    // As one pod may be let in, and another not.
    await using gateway = await startFollower([endpointAt(closed)], leader.url);
    for (let turn = 0; turn < 3; turn += 1) expect((await asked(gateway)).status).toBe(200);
    expect(gateway.dataPath.stats().forwarded).toMatchObject({ answered: 3 });
    gateway.directory.receive([endpointAt(server.url)], []);
    await servesItself(gateway, "files");
  });

  it("goes over one hop, and no more", async () => {
    const endpoint = seenByFollower(stdioEndpoint("files"));
    await using one = await startFollower([endpoint], undefined);
    await using other = await startFollower([endpoint], one.url);
    for (const leader of [other, one]) {
      // Each other's leader, then itself its own.
      one.dataPath.follow({ isSelf: false, gatewayAddress: addressOf(leader.url) });
      const answered = await asked(one);
      expect([answered.status, reasonIn(answered), answered.headers["retry-after"]]).toEqual([503, "NotLeading", "1"]);
    }
    expect(other.dataPath.stats().forwarded).toMatchObject({ refused: 1 });
  });

  it("has the leader's answer as it is, its reason and all", async () => {
    const endpoint = endpointAt("http://10.0.0.1/mcp", { state: STOPPED });
    await using leader = await startLeader([endpoint]);
    await using gateway = await startFollower([endpointAt("http://10.0.0.1/mcp", { state: STOPPED })], leader.url);
    leader.directory.receive([{ ...endpoint, state: { ...STOPPED, message: "as the leader says" } }], []);
    const answered = await asked(gateway);
    expect(JSON.parse(answered.body)).toMatchObject({ error: { message: "as the leader says" } });
    expect(answered.headers).toMatchObject({ "slipway-reason": "Stopped", "retry-after": "30" });
  });

  it("is taken by the leader under the name that it goes by, and under no other", async () => {
    await using leader = await startLeader([endpointAt("http://10.0.0.1/mcp", { state: STOPPED })]);
    leader.dataPath.follow({ isSelf: true, gatewayAddress: "pod-0.slipway:7080" });
    const reasonFor = async (host: string) => reasonIn(await asked(leader, { host }));
    expect(await reasonFor("pod-0.slipway:7080")).toBe("Stopped");
    expect(await reasonFor("pod-1.slipway:7080")).toBe("MisdirectedRequest");
    leader.dataPath.follow({ isSelf: false, gatewayAddress: "pod-0.slipway:7080" });
    expect(await reasonFor("pod-0.slipway:7080")).toBe("MisdirectedRequest");
  });

  it("goes on to the server as if there were one gateway", async () => {
    await using server = await startServer((request, response) => response.end(JSON.stringify(request.headers)));
    const endpoint = endpointAt(server.url);
    const { upstream: _unknown, ...listed } = endpoint;
    await using leader = await startLeader([endpoint]);
    await using gateway = await startFollower([{ ...listed, upstream: undefined }], leader.url, {
      names: ["mcp.example.com"],
      origins: ["https://app.example.com"],
    });
    const headers = {
      ...{ host: "mcp.example.com", origin: "https://app.example.com", authorization: "Bearer t", cookie: "c=1" },
      ...{ "mcp-protocol-version": "2025-11-25", "x-custom": "kept", connection: "x-hop", "x-hop": "1" },
    };
    const answered = await asked(gateway, headers);
    expect([answered.status, answered.headers["access-control-allow-origin"]]).toEqual([200, headers.origin]);
    const seen = JSON.parse(answered.body) as Record<string, string>;
    expect(seen).toMatchObject({ host: new URL(server.url).host, "x-custom": "kept" });
    expect(seen.via).toMatch(/^1\.1 slipway-\w+$/);
    for (const name of ["origin", "authorization", "cookie", "x-hop", "slipway-forwarded"]) {
      expect(seen).not.toHaveProperty(name);
    }
  });
});

describe("who says that a request was passed on", () => {
  it.each([
    { because: "its Host is another's", headers: { host: "evil.example.com" }, want: [421, "MisdirectedRequest"] },
    {
      because: "its Origin is another's",
      headers: { origin: "http://evil.example.com" },
      want: [403, "ForbiddenOrigin"],
    },
    { because: "it has no token", headers: {}, want: [401, "Unauthorized"] },
  ])("has nothing of it where $because", async ({ headers, want }) => {
    await using leader = await startLeader([stdioEndpoint("files")], { requireToken: true, access: accessOf() });
    const answered = await asked(leader, { ...headers, "slipway-forwarded": "1" });
    expect([answered.status, reasonIn(answered)]).toEqual(want);
  });
});

describe("who asks", () => {
  it.each([
    { because: "the follower knows no such token", token: "wrong", want: [401, "Unauthorized"], reaches: false },
    { because: "the follower's user may not use it", token: "stranger", want: [404, "NotFound"], reaches: false },
    { because: "the leader knows no such token", token: "late", want: [401, "Unauthorized"], reaches: true },
    { because: "both let them in", token: "dev", want: [503, "Stopped"], reaches: true },
  ])("is judged twice: $because", async ({ token, want, reaches }) => {
    const access = accessOf("dev");
    const endpoint = endpointAt("http://10.0.0.1/mcp", { state: STOPPED });
    await using leader = await startLeader([endpoint], { requireToken: true, access });
    await using gateway = await startFollower([endpoint], leader.url, {
      requireToken: true,
      access: accessOf("dev", "late", "stranger"),
    });
    const answered = await asked(gateway, { authorization: `Bearer ${token}` });
    expect([answered.status, reasonIn(answered)]).toEqual(want);
    expect(access.asked).toEqual(reaches ? [token] : []);
  });
});
