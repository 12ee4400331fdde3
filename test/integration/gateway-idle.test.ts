import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { type ClientKind, connectClient, type McpClient } from "../support/mcp/clients.ts";
import { type Everything, startEverything } from "../support/mcp/everything.ts";
import { type ModernServer, startModernServer } from "../support/mcp/modern-server.ts";
import { type StdioPlace, startStdioPlace, stdioEndpoint } from "../support/mcp/stdio-processes.ts";
import { endpointAt, type GatewayUnderTest, startGatewayUnderTest } from "../support/mcp-gateway.ts";

/** Clients that only listen, across eras and over stdio; those that are passed through are in gateway-faults. */
const IDLE_MS = 30 * 60_000;
const UPDATED = "notifications/resources/updated";
const CHANGED = "notifications/tools/list_changed";

describe("a client that hears nothing for half an hour hears what comes then", () => {
  const clock = new FakeClock();
  let place: StdioPlace;
  let everything: Everything;
  let modern: ModernServer;
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    [place, everything, modern] = await Promise.all([
      startStdioPlace(),
      startEverything("streamableHttp"),
      startModernServer("reject"),
    ]);
    const endpoints = [
      ...[stdioEndpoint("everything"), stdioEndpoint("modern")],
      endpointAt(everything.url, { name: "http-everything" }),
      endpointAt(modern.url, { name: "http-modern", protocolVersion: "2026-07-28" }),
    ];
    gateway = await startGatewayUnderTest(endpoints, { clock, streamsSocket: place.socketPath });
  }, 60_000);
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await Promise.all([place, everything, modern].map((each) => each[Symbol.asyncDispose]()));
  });

  const urlOf = (name: string) => `${gateway.url}/team-a/${name}/mcp`;
  const heard = ({ recorded }: McpClient, method: string) =>
    recorded.some(({ way, message }) => way === "received" && message.method === method);
  const call = (client: McpClient, name: string) => client.call("tools/call", { name, arguments: {} });

  it.each<{ kind: ClientKind; capabilities: object; because: string }>([
    { kind: "v2 pinned", capabilities: {}, because: "in the process that all share" },
    { kind: "v2 pinned", capabilities: { sampling: {} }, because: "in a process of its own" },
    { kind: "v1 streamable", capabilities: { sampling: {} }, because: "with a session in a process of its own" },
    { kind: "v2 legacy", capabilities: {}, because: "with a session in the process that all share" },
  ])("$kind at a server of 2025, $because", async ({ kind, capabilities }) => {
    await using client = await connectClient(kind, urlOf("everything"), {}, capabilities);
    await subscribe(client);
    await clock.advance(IDLE_MS);
    expect(heard(client, UPDATED)).toBe(false);
    await eventually("updates are switched on", async () => {
      return JSON.stringify(await call(client, "toggle-subscriber-updates")).includes("Started");
    });
    await eventually("the update is heard", () => heard(client, UPDATED), { everyMs: 10 });
  });

  it.each<ClientKind>(["v1 streamable", "v2 legacy"])("%s at a server of 2026 over stdio", async (kind) => {
    await using client = await connectClient(kind, urlOf("modern"));
    await clock.advance(IDLE_MS);
    await using other = await connectClient("v2 pinned", urlOf("modern"));
    await call(other, "grow");
    await eventually("the change is heard", () => heard(client, CHANGED), { everyMs: 10 });
  });

  it("v2 pinned at a server of 2025 that listens", async () => {
    await using client = await connectClient("v2 pinned", urlOf("http-everything"));
    await subscribe(client);
    await clock.advance(IDLE_MS);
    await call(client, "toggle-subscriber-updates");
    await eventually("the update is heard", () => heard(client, UPDATED), { everyMs: 10 });
  });

  it.each<ClientKind>(["v1 streamable", "v2 legacy"])("%s at a server of 2026 that listens", async (kind) => {
    const listens = () => modern.asked.filter((method) => method === "subscriptions/listen").length;
    const before = listens();
    await using client = await connectClient(kind, urlOf("http-modern"));
    await eventually("it listens", () => listens() > before, { everyMs: 10 });
    await clock.advance(IDLE_MS);
    modern.toolsChanged();
    await eventually("the change is heard", () => heard(client, CHANGED), { everyMs: 10 });
  });

  async function subscribe(client: McpClient): Promise<void> {
    const { resources } = (await client.call("resources/list")) as { resources: { uri: string }[] };
    const uri = resources[0]?.uri ?? "";
    if (client.protocolVersion === "2026-07-28") await client.v2?.listen({ resourceSubscriptions: [uri] });
    else await client.call("resources/subscribe", { uri });
  }
});
