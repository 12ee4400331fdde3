import { describe, expect, it } from "@jest/globals";
import { notification, request, ScriptedChannel, ScriptedClient } from "../../../../test/support/mcp/server-channel.ts";
import { DEFAULT_LIMITS } from "./multiplexer.ts";
import { OwnServer } from "./own-server.ts";

describe("a process of one client", () => {
  it("that asks without end and reads nothing has nothing more kept for it", () => {
    const channel = new ScriptedChannel();
    const dropped: string[] = [];
    const limits = { ...DEFAULT_LIMITS, backlogBytes: 10, callsPerClient: 2 };
    const options = { open: channel.open, limits, onEnd: () => undefined };
    const client = new ScriptedClient();
    const own = new OwnServer({ ...options, onDropped: (reason) => dropped.push(reason) }, client);
    channel.backlogBytes = 11;
    for (let id = 0; id < 100; id++) channel.says(request(id, "roots/list"));
    own.send({ jsonrpc: "2.0", id: 1, result: {} });
    own.send(notification("notifications/theirs"));
    own.send(request(1, "tools/call"));
    expect(channel.sent).toEqual([]);
    expect(dropped).toEqual(Array(100).fill("Unread"));
    expect(client.answerTo(1)).toMatchObject({ error: { data: { reason: "ServerStalled" } } });
  });
});
