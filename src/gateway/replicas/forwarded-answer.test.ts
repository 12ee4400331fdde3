import { afterEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import { addressOf } from "../../../test/support/mcp/replicas.ts";
import { ask } from "../../../test/support/mcp-gateway.ts";
import { noServers } from "../../../test/support/no-servers.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { type Gateway, type GatewayOptions, startGateway } from "../gateway.ts";
import type { Leader } from "./leader.ts";

const PATH = "/-/namespaces/team-a/runtimedeployments/files";
const open: Gateway[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((gateway) => gateway.close()));
});

/** Knows `dev`; whoever else comes is nobody. */
async function start(options: Partial<GatewayOptions>): Promise<Gateway> {
  const gateway = await startGateway({
    listen: { host: "127.0.0.1", port: 0 },
    logs: { logs: () => Promise.reject(new Error("there are no backends here")) },
    usage: { usage: () => Promise.reject(new Error("there are no backends here")) },
    access: {
      authenticate: async (token) => (token === "dev" ? { username: "dev" } : undefined),
      authorize: async () => true,
    },
    ...noServers,
    logger: recordingLogger().logger,
    ...options,
  });
  open.push(gateway);
  return gateway;
}

const follow = (leader: Leader, options: Partial<GatewayOptions> = {}) =>
  start({ ...options, replicas: { leader: () => leader } });
const lead = (options: Partial<GatewayOptions>) => follow({ isSelf: true, gatewayAddress: undefined }, options);
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe("logs and use, asked of a follower", () => {
  it("are the leader's, line by line, until the client goes", async () => {
    const ended = Promise.withResolvers<void>();
    const leader = await lead({
      logs: {
        async logs(_namespace, _name, { follow: isFollowed, tail }, signal) {
          signal.addEventListener("abort", () => ended.resolve());
          return (async function* () {
            yield `follow ${isFollowed}, tail ${tail}`;
            await new Promise((resolve) => signal.addEventListener("abort", resolve));
          })();
        },
      },
    });
    const follower = await follow({ isSelf: false, gatewayAddress: addressOf(leader.url) });
    const gone = new AbortController();
    const url = `${follower.url}${PATH}/log?follow=true&tail=3`;
    const answer = await fetch(url, { ...as("dev"), signal: gone.signal });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("follow true, tail 3\n");
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    gone.abort();
    await ended.promise;
  });

  it("are told as numbers, as the leader tells them", async () => {
    const leader = await lead({ usage: { usage: async () => undefined } });
    const follower = await follow({ isSelf: false, gatewayAddress: addressOf(leader.url) });
    const answered = await ask(`${follower.url}${PATH}/usage`, as("dev"));
    expect([answered.status, JSON.parse(answered.body)]).toEqual([
      404,
      expect.objectContaining({ kind: "Status", reason: "NotFound" }),
    ]);
  });

  it("are refused as clients of the API understand it where they cannot be had", async () => {
    let gatewayAddress: string | undefined;
    const gateway = await start({ replicas: { leader: () => ({ isSelf: false, gatewayAddress }) } });
    const cases = [
      { because: "nobody leads", address: undefined, token: "dev", want: 503 },
      { because: "its address is none", address: "127.0.0.1:80/x", token: "dev", want: 503 },
      { because: "it takes no connections", address: "127.0.0.1:9", token: "dev", want: 503 },
      { because: "this one passes for the leader", address: addressOf(gateway.url), token: "dev", want: 503 },
      { because: "the caller is nobody here", address: undefined, token: "other", want: 401 },
    ];
    for (const { because, address, token, want } of cases) {
      gatewayAddress = address;
      const { status, body } = await ask(`${gateway.url}${PATH}/usage`, as(token));
      const { kind, code } = JSON.parse(body) as { kind: string; code: number };
      expect({ because, status, kind, code }).toEqual({ because, status: want, kind: "Status", code: want });
    }
  });
});

it("tells the data path in its thread who leads", async () => {
  let leader: Leader = { isSelf: false, gatewayAddress: undefined };
  const files = { namespace: "team-a", name: "files" };
  const state = { ready: false, reason: "Pending", message: "soon", retryAfterSeconds: 2 } as const;
  const more = { uid: "1", state, upstream: undefined, elsewhere: true, protocolVersion: undefined, tools: 1 } as const;
  const directory = {
    ...noServers.directory,
    list: () => [{ ...files, ...more }],
    get: () => ({ ...files, ...more }),
  };
  const gateway = await start({ directory, replicas: { leader: () => leader } });
  const reason = async () => (await ask(`${gateway.url}/team-a/files/mcp`)).headers["slipway-reason"];
  expect(await reason()).toBe("NoLeader");
  leader = { isSelf: true, gatewayAddress: undefined };
  await eventually("it leads", async () => (await reason()) === "Pending", { everyMs: 20 });
  expect((await gateway.stats())?.forwarded).toMatchObject({ refused: expect.any(Number) });
});
