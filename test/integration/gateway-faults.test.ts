import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../support/fake-clock.ts";
import { type ClientKind, connectClient } from "../support/mcp/clients.ts";
import { startEverything } from "../support/mcp/everything.ts";
import { endpointAt, startGatewayUnderTest, startServer } from "../support/mcp-gateway.ts";

const LONG = { name: "trigger-long-running-operation", arguments: { duration: 30, steps: 300 } };

describe("a server that is killed with -9 in mid-call", () => {
  it.each<{ client: ClientKind; mode: "streamableHttp" | "sse" }>([
    { client: "v1 streamable", mode: "streamableHttp" },
    { client: "v2 legacy", mode: "streamableHttp" },
    { client: "v1 sse", mode: "sse" },
    { client: "v2 sse", mode: "sse" },
  ])(
    "fails the call of a client $client within two seconds, and the next works",
    async ({ client: kind, mode }) => {
      const transport = mode === "sse" ? "sse" : "streamable-http";
      await using first = await startEverything(mode);
      await using gateway = await startGatewayUnderTest([endpointAt(first.url, { transport })]);
      const url = `${gateway.url}/team-a/files/mcp`;
      await using client = await connectClient(kind, url);
      const atWork = Promise.withResolvers<void>();
      const call = client.call("tools/call", LONG, { onProgress: () => atWork.resolve(), timeoutMs: 30_000 }).then(
        () => "a result",
        (error: { message: string }) => error.message,
      );
      await atWork.promise;
      const killedMs = performance.now();
      await first.kill();
      expect(await call).toContain("the server ended the connection before it had answered");
      expect(performance.now() - killedMs).toBeLessThan(2_000);

      await using again = await startEverything(mode, first.port);
      gateway.directory.receive([endpointAt(again.url, { transport, instance: "2" })], []);
      await using next = await connectClient(kind, url);
      const { content } = await next.call("tools/call", { name: "echo", arguments: { message: "again" } });
      expect(content).toEqual([{ type: "text", text: "Echo: again" }]);
    },
    60_000,
  );
});

it("keeps a stream that is silent for half an hour", async () => {
  const opened = Promise.withResolvers<(text: string) => void>();
  const clock = new FakeClock();
  await using server = await startServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    opened.resolve((text) => response.write(text));
  });
  await using gateway = await startGatewayUnderTest([endpointAt(server.url)], { clock });
  const outgoing = request(`${gateway.url}/team-a/files/mcp`, { agent: false }).end();
  outgoing.on("error", () => undefined);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const send = await opened.promise;
  await clock.advance(30 * 60_000);
  send("data: still here\n\n");
  const [chunk] = (await once(response, "data")) as [Buffer];
  expect(chunk.toString()).toBe("data: still here\n\n");
  response.on("error", () => undefined);
  response.destroy();
});

it("holds a bounded amount for readers that do not read", async () => {
  const chunk = Buffer.alloc(256 * 1024, 97);
  await using server = await startServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = () => {
      while (!response.destroyed) if (!response.write(chunk)) return void response.once("drain", more);
    };
    more();
  });
  await using gateway = await startGatewayUnderTest([endpointAt(server.url)]);
  const before = process.memoryUsage();
  const readers = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const outgoing = request(`${gateway.url}/team-a/files/mcp`, { agent: false }).end();
      outgoing.on("error", () => undefined);
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      response.on("error", () => undefined);
      return response.pause();
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const after = process.memoryUsage();
  // Server, gateway and readers share this process: what is beyond the kernel's buffers is a few chunks each.
  expect((after.external - before.external) / readers.length).toBeLessThan(4 * 1024 * 1024);
  for (const reader of readers) reader.destroy();
  for (let turn = 0; turn < 100 && gateway.dataPath.stats().open > 0; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(gateway.dataPath.stats().open).toBe(0);
});
