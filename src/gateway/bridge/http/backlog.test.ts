import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { notification, ScriptedClient } from "../../../../test/support/mcp/server-channel.ts";
import { DEFAULT_LIMITS } from "../stdio/multiplexer.ts";
import { OwnServer } from "../stdio/own-server.ts";
import type { HttpRequest } from "./http-request.ts";
import { sessionChannel } from "./session-channel.ts";

/** What calls may be under way with a server altogether. */
const CALLS = DEFAULT_LIMITS.calls;

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
