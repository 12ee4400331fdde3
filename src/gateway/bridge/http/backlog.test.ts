import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { notification, ScriptedClient } from "../../../../test/support/mcp/server-channel.ts";
import { DEFAULT_LIMITS } from "../stdio/multiplexer.ts";
import { OwnServer } from "../stdio/own-server.ts";
import type { HttpRequest } from "./http-request.ts";
import { sessionChannel } from "./session-channel.ts";
import { sseChannel } from "./sse-channel.ts";

/** What calls may be under way with a server altogether. */
const CALLS = DEFAULT_LIMITS.calls;

describe("messages that wait for the server to say where they go, or that its handshake is done,", () => {
  const silent: HttpRequest = () => new Promise(() => undefined);
  const clock = new FakeClock();
  it.each([
    { because: "legacy SSE", open: sseChannel({ request: silent, origin: "http://s", path: "/sse", clock }) },
    { because: "streamable HTTP", open: sessionChannel({ request: silent, path: "/mcp", clock }) },
  ])("are bounded: $because", ({ open }) => {
    const dropped: string[] = [];
    const onDropped = (reason: string) => void dropped.push(reason);
    const own = new OwnServer(
      { open, limits: DEFAULT_LIMITS, onDropped, onEnd: () => undefined },
      new ScriptedClient(),
    );
    own.send(notification("notifications/initialized"));
    for (let n = 0; n < 2 * CALLS; n++) own.send(notification("notifications/theirs"));
    expect(dropped.length).toBeGreaterThan(0.9 * CALLS);
    own.close();
  });
});

describe("messages that are posted to a server which answers nothing", () => {
  it("hold a bounded number of connections, no fewer than calls may be under way", () => {
    let open = 0;
    const request: HttpRequest = ({ method }) => {
      if (method === "POST") open += 1;
      return new Promise(() => undefined);
    };
    const dropped: string[] = [];
    const own = new OwnServer(
      {
        open: sessionChannel({ request, path: "/mcp", clock: new FakeClock() }),
        limits: DEFAULT_LIMITS,
        onDropped: (reason) => dropped.push(reason),
        onEnd: () => undefined,
      },
      new ScriptedClient(),
    );
    for (let n = 0; n < 3 * CALLS; n++) own.send(notification("notifications/theirs"));
    expect(open).toBeGreaterThan(0.9 * CALLS);
    expect(open).toBeLessThan(1.1 * CALLS);
    expect(dropped.length).toBe(3 * CALLS - open);
    own.close();
  });
});
