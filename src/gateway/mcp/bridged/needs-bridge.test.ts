import { describe, expect, it } from "@jest/globals";
import { needsBridge, type SpokenRequest } from "./needs-bridge.ts";

const POST: SpokenRequest = { method: "POST", query: "", protocolVersion: undefined, sessionId: undefined };
const BOTH = { stateless: true, sessions: true };
const LATER = { stateless: true, sessions: false };
const EARLIER = { stateless: false, sessions: true };

describe("whether a request needs the bridge", () => {
  it.each([
    { because: "same era, later", asked: { protocolVersion: "2026-07-28" }, eras: LATER, want: false },
    { because: "same era, earlier", asked: { protocolVersion: "2025-11-25" }, eras: EARLIER, want: false },
    { because: "no revision is an earlier one", asked: {}, eras: EARLIER, want: false },
    { because: "the server speaks both", asked: { protocolVersion: "2026-07-28" }, eras: BOTH, want: false },
    { because: "the server speaks both, for an earlier client", asked: {}, eras: BOTH, want: false },
    {
      because: "a later client on an earlier server",
      asked: { protocolVersion: "2026-07-28" },
      eras: EARLIER,
      want: true,
    },
    { because: "an earlier client on a later server", asked: {}, eras: LATER, want: true },
    { because: "its stream too", asked: { method: "GET", sessionId: "s" }, eras: LATER, want: true },
  ])("over streamable HTTP: $because", async ({ asked, eras, want }) => {
    expect(await needsBridge({ ...POST, ...asked }, "streamable-http", async () => eras)).toBe(want);
  });

  it.each([
    { because: "the stream of a legacy client", asked: { method: "GET" }, want: false },
    { because: "what it posts", asked: { query: "?sessionId=s" }, want: false },
    { because: "the first message over streamable HTTP", asked: {}, want: true },
    { because: "the stream of such a session", asked: { method: "GET", sessionId: "s" }, want: true },
    { because: "its end", asked: { method: "DELETE", sessionId: "s" }, want: true },
    { because: "a client of 2026-07-28", asked: { protocolVersion: "2026-07-28" }, want: true },
  ])("over legacy SSE, where nothing has to be asked: $because", async ({ asked, want }) => {
    const never = () => Promise.reject(new Error("asked"));
    expect(await needsBridge({ ...POST, ...asked }, "sse", never)).toBe(want);
  });
});
