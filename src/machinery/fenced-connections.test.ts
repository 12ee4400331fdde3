import { createServer, Agent as HttpAgent, type RequestListener, request } from "node:http";
import { createServer as createTlsServer, Agent as HttpsAgent, request as tlsRequest } from "node:https";
import { afterEach, describe, expect, it } from "@jest/globals";
import { listen } from "../../test/support/listen.ts";
import { TestFence } from "../../test/support/test-fence.ts";
import { createAuthority } from "./certificate-authority.ts";
import { LeadershipLost } from "./fence.ts";
import { fenceConnections } from "./fenced-connections.ts";

async function selfSigned(): Promise<{ cert: string; key: string }> {
  const now = new Date();
  const notAfter = new Date(now.getTime() + 3_600_000);
  const { certificatePem: cert, keyPem: key } = await createAuthority({ name: "test", now, notAfter });
  return { cert, key };
}

const open: { close(): void }[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

describe.each(["http", "https"] as const)("connections of an agent behind a fence, by %s", (scheme) => {
  async function start(maxSockets = 8) {
    const came: string[] = [];
    const held: (() => void)[] = [];
    const listener: RequestListener = (incoming, response) => {
      came.push(`${incoming.method} ${incoming.url}`);
      if (incoming.url === "/held") held.push(() => response.end("late"));
      else response.end("ok");
      incoming.resume();
    };
    const server = scheme === "http" ? createServer(listener) : createTlsServer(await selfSigned(), listener);
    const port = Number((await listen(server)).split(":")[1]);
    const fence = new TestFence();
    const options = { keepAlive: true, maxSockets };
    const agent =
      scheme === "http"
        ? fenceConnections(new HttpAgent(options), fence)
        : fenceConnections(new HttpsAgent({ ...options, rejectUnauthorized: false }), fence);
    open.push({
      close() {
        agent.destroy();
        server.close();
        server.closeAllConnections();
      },
    });
    const call = async (path: string, body?: string): Promise<string> => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const target = { host: "127.0.0.1", port, path, agent, method: body === undefined ? "GET" : "POST" };
      const outgoing = (scheme === "http" ? request : tlsRequest)(target, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        answer.on("end", () => resolve(text)).on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
      return await promise;
    };
    return { came, held, fence, call };
  }

  it("lets pass what is sent while it stands, over kept connections, too", async () => {
    const { call, came, fence } = await start();
    expect(await call("/1", "body")).toBe("ok");
    expect(await call("/2", "x".repeat(5_000_000))).toBe("ok");
    expect(came).toEqual(["POST /1", "POST /2"]);
    expect(fence.checks).toBeGreaterThan(1);
  });

  it("lets nothing pass over a kept connection once it has fallen", async () => {
    const { call, came, fence } = await start();
    await call("/1", "body");
    fence.stands = false;
    await expect(call("/2", "body")).rejects.toThrow(LeadershipLost);
    await expect(call("/3")).rejects.toThrow(LeadershipLost);
    expect(came).toEqual(["POST /1"]);
  });

  it("lets nothing pass that waited for its connection when it fell", async () => {
    const { call, came, fence } = await start();
    const waiting = call("/1", "body");
    fence.stands = false;
    await expect(waiting).rejects.toThrow(LeadershipLost);
    expect(came).toEqual([]);
  });

  it("lets nothing pass that waited for another's connection when it fell", async () => {
    const { call, came, held, fence } = await start(1);
    const first = call("/held", "body");
    const second = call("/2", "body");
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    fence.stands = false;
    held[0]?.();
    await expect(second).rejects.toThrow(LeadershipLost);
    expect(await first).toBe("late");
    expect(came).toEqual(["POST /held"]);
  });

  it("breaks off what is under way when it closes", async () => {
    const { call, held, fence } = await start();
    const first = call("/held", "body");
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    fence.close();
    await expect(first).rejects.toThrow(LeadershipLost);
  });
});

it("leaves an agent alone where nobody leads", () => {
  const agent = new HttpAgent();
  const { createConnection } = agent;
  expect(fenceConnections(agent, undefined).createConnection).toBe(createConnection);
});
