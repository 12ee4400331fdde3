import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ClientKind, connectClient } from "../support/mcp/clients.ts";
import { type StdioPlace, startStdioPlace, stdioEndpoint } from "../support/mcp/stdio-processes.ts";
import { type GatewayUnderTest, startGatewayUnderTest } from "../support/mcp-gateway.ts";

let place: StdioPlace;
let gateway: GatewayUnderTest;

beforeAll(async () => {
  place = await startStdioPlace();
  gateway = await startGatewayUnderTest([stdioEndpoint("everything"), stdioEndpoint("modern")], {
    streamsSocket: place.socketPath,
  });
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const url = (name: string) => `${gateway.url}/team-a/${name}/mcp`;

const CLIENTS: readonly ClientKind[] = ["v1 streamable", "v2 legacy", "v2 auto", "v2 pinned"];

describe.each(["everything", "modern"])("a server %s over stdio", (server) => {
  it.each(CLIENTS)(
    "serves a client %s",
    async (kind) => {
      await using client = await connectClient(kind, url(server));
      const { tools } = (await client.call("tools/list")) as { tools: unknown[] };
      expect(tools.length).toBeGreaterThan(3);
      const { content } = await client.call("tools/call", { name: "echo", arguments: { message: "héllo ✓" } });
      expect(content).toEqual([{ type: "text", text: "Echo: héllo ✓" }]);
    },
    30_000,
  );
});
