import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { request } from "../../../../../test/support/mcp/server-channel.ts";
import type { Request } from "../../message.ts";
import { digestOf, RequestStates } from "./request-state.ts";

const STATE = { id: "held-1", expiresMs: 1_000 };

describe("a request state", () => {
  it("is believed when its owner brings it in time", () => {
    const states = new RequestStates();
    expect(states.open("ann", states.seal("ann", STATE), 999)).toEqual(STATE);
  });

  it.each([
    {
      because: "another owner",
      open: (states: RequestStates, state: string) => states.open("bob", state, 0),
      says: "somebody else",
    },
    {
      because: "its time is over",
      open: (states: RequestStates, state: string) => states.open("ann", state, 1_000),
      says: "expired",
    },
    {
      because: "a gateway started since",
      open: (_: RequestStates, state: string) => new RequestStates().open("ann", state, 0),
      says: "started again",
    },
    { because: "no state at all", open: (states: RequestStates) => states.open("ann", "x", 0), says: "none of this" },
    {
      because: "too long",
      open: (states: RequestStates, state: string) => states.open("ann", state.repeat(99), 0),
      says: "none of this",
    },
    {
      because: "a later end written into it",
      open: (states: RequestStates, state: string) => states.open("ann", state.replace(".1000.", ".9000."), 0),
      says: "changed",
    },
  ])("is refused for $because", ({ open, says }) => {
    const states = new RequestStates();
    expect(open(states, states.seal("ann", STATE))).toEqual({ refusal: expect.stringContaining(says) });
  });

  it("is refused with any of its characters changed", () => {
    const states = new RequestStates();
    const state = states.seal("ann", STATE);
    const alphabet = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
    // The last character of a MAC has bits that base64 does not use.
    const place = fc.nat({ max: state.length - 2 });
    fc.assert(
      fc.property(place, alphabet, (at, character) => {
        fc.pre(state[at] !== character);
        const changed = `${state.slice(0, at)}${character}${state.slice(at + 1)}`;
        expect(states.open("ann", changed, 0)).toHaveProperty("refusal");
      }),
      { numRuns: 500 },
    );
  });
});

describe("what tells requests apart", () => {
  const digest = (method: string, params: Record<string, unknown>) => digestOf(request(1, method, params) as Request);
  const first = digest("tools/call", { name: "a", arguments: { x: 1, y: [{ b: 1, a: 2 }] } });

  it.each([
    { because: "in another order", params: { arguments: { y: [{ a: 2, b: 1 }], x: 1 }, name: "a" }, same: true },
    {
      because: "with what comes back",
      params: {
        name: "a",
        arguments: { x: 1, y: [{ b: 1, a: 2 }] },
        requestState: "s",
        inputResponses: {},
        _meta: { t: 1 },
      },
      same: true,
    },
    { because: "of another name", params: { name: "b", arguments: { x: 1, y: [{ b: 1, a: 2 }] } }, same: false },
    { because: "with another argument", params: { name: "a", arguments: { x: 2, y: [{ b: 1, a: 2 }] } }, same: false },
  ])("is the same or not: $because", ({ params, same }) => {
    expect(digest("tools/call", params) === first).toBe(same);
    expect(digest("prompts/get", params)).not.toBe(first);
  });
});
