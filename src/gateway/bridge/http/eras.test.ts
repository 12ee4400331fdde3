import { describe, expect, it } from "@jest/globals";
import { httpWorld } from "../../../../test/support/mcp/http-world.ts";
import { earlierEra, json, type Script } from "../../../../test/support/scripted-mcp-server.ts";

const discovered: Script = ({ id }, response) =>
  json(response, { jsonrpc: "2.0", id, result: { supportedVersions: ["2026-07-28"], capabilities: {} } });
const unknown: Script = ({ id }, response) =>
  json(response, { jsonrpc: "2.0", id, error: { code: -32022, message: "no" } }, {}, 400);

/** A server of the later revision; `initialize` is one that it has not. */
const later: Script = (received, response) =>
  (received.method === "server/discover" ? discovered : unknown)(received, response);

describe("the eras of a server", () => {
  it.each<{ because: string; script: Script; protocolVersion?: string; want: object; asked: readonly string[] }>([
    {
      because: "the probe agreed on an earlier one, though it knows both",
      script: earlierEra(),
      protocolVersion: "2025-06-18",
      want: { stateless: false, sessions: true },
      asked: [],
    },
    {
      because: "a server of an earlier one is asked for both, and its session ended",
      script: earlierEra(),
      want: { stateless: false, sessions: true },
      asked: ["server/discover", "initialize", "DELETE"],
    },
    {
      because: "a server of the later one",
      script: later,
      protocolVersion: "2026-07-28",
      want: { stateless: true, sessions: false },
      asked: ["server/discover", "initialize"],
    },
    {
      because: "a server of both",
      script: earlierEra({ on: { "server/discover": discovered } }),
      want: { stateless: true, sessions: true },
      asked: ["server/discover", "initialize", "DELETE"],
    },
  ])("are learnt once: $because", async ({ script, protocolVersion, want, asked }) => {
    await using world = await httpWorld(script, { protocolVersion });
    const all = await Promise.all([world.servers.eras({}), world.servers.eras({}), world.servers.eras({})]);
    expect(all).toEqual([want, want, want]);
    expect(world.server.methods).toEqual(asked);
  });

  it("are asked again where there was no answer", async () => {
    let isUp = false;
    const script = earlierEra();
    await using world = await httpWorld((received, response) => {
      if (isUp) script(received, response);
      else response.destroy();
    });
    await expect(world.servers.eras({})).rejects.toMatchObject({ reason: "UpstreamUnreachable" });
    isUp = true;
    expect(await world.servers.eras({})).toEqual({ stateless: false, sessions: true });
  });

  it("are none where the server is no server of MCP", async () => {
    await using world = await httpWorld((_, response) => void response.writeHead(200).end("<html>"));
    await expect(world.servers.eras({})).rejects.toMatchObject({ reason: "UpstreamInvalid" });
  });
});
