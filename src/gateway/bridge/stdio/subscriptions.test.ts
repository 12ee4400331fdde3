import { describe, expect, it } from "@jest/globals";
import { randomFrom } from "../../../../test/support/random.ts";
import { type OnSettled, Subscriptions } from "./subscriptions.ts";

function underTest() {
  const asked: string[] = [];
  const open: OnSettled<string>[] = [];
  const done: string[] = [];
  const subscriptions = new Subscriptions<string, string>((change, uri, settle) => {
    asked.push(`${change} ${uri}`);
    open.push(settle);
  });
  const told =
    (name: string): OnSettled<string> =>
    (settled) =>
      done.push(`${name} ${settled?.failure ?? "ok"}`);
  const settle = (failure?: string) => open.shift()?.(failure === undefined ? undefined : { failure });
  return { subscriptions, asked, done, told, settle };
}

describe("subscriptions of many to one server", () => {
  it("ask for the first and stop with the last", () => {
    const { subscriptions, asked, done, told, settle } = underTest();
    subscriptions.subscribe("a", "u", told("a"));
    subscriptions.subscribe("b", "u", told("b"));
    expect(done).toEqual([]);
    settle();
    subscriptions.subscribe("c", "u", told("c"));
    expect([...subscriptions.holdersOf("u")]).toEqual(["a", "b", "c"]);
    for (const holder of ["a", "b"]) subscriptions.unsubscribe(holder, "u", told(holder));
    expect(asked).toEqual(["subscribe u"]);
    subscriptions.unsubscribe("c", "u", told("c"));
    expect(asked).toEqual(["subscribe u", "unsubscribe u"]);
    settle();
    expect(done).toEqual(["a ok", "b ok", "c ok", "a ok", "b ok", "c ok"]);
  });

  it("tell all who waited that the server refused, and ask anew for the next", () => {
    const { subscriptions, asked, done, told, settle } = underTest();
    subscriptions.subscribe("a", "u", told("a"));
    subscriptions.subscribe("b", "u", told("b"));
    settle("no");
    expect([done, [...subscriptions.holdersOf("u")]]).toEqual([["a no", "b no"], []]);
    expect([subscriptions.countOf("a"), subscriptions.countOf("b")]).toEqual([0, 0]);
    subscriptions.subscribe("a", "u", told("a"));
    expect(asked).toHaveLength(2);
  });

  it("take back what nobody wants any more by the time that it is granted", () => {
    const { subscriptions, asked, told, settle } = underTest();
    subscriptions.subscribe("a", "u", told("a"));
    subscriptions.leave("a");
    expect(asked).toEqual(["subscribe u"]);
    settle();
    expect(asked).toEqual(["subscribe u", "unsubscribe u"]);
  });

  it("leave the server subscribed to what is held and nothing else, in whatever order", () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const random = randomFrom(seed);
      const pick = (names: readonly string[]) => names[Math.floor(random() * names.length)] ?? "";
      const open: (() => void)[] = [];
      const server = new Set<string>();
      const wanted = new Map<string, Set<string>>();
      const subscriptions = new Subscriptions<string, string>((change, uri, settle) => {
        if (change === "subscribe") server.add(uri);
        else server.delete(uri);
        open.push(() => settle(undefined));
      });
      for (let step = 0; step < 60; step += 1) {
        const holder = pick(["a", "b", "c"]);
        const uri = pick(["u", "v"]);
        const uris = wanted.get(holder) ?? new Set();
        wanted.set(holder, uris);
        const dice = random();
        if (dice < 0.4) subscriptions.subscribe(holder, (uris.add(uri), uri), () => undefined);
        else if (dice < 0.6) subscriptions.unsubscribe(holder, (uris.delete(uri), uri), () => undefined);
        else if (dice < 0.7) subscriptions.leave((uris.clear(), holder));
        else open.shift()?.();
      }
      while (open.length > 0) open.shift()?.();
      expect(server).toEqual(new Set([...wanted.values()].flatMap((uris) => [...uris])));
      for (const [holder, uris] of wanted) {
        expect(subscriptions.countOf(holder)).toBe(uris.size);
        for (const uri of uris) expect([...subscriptions.holdersOf(uri)]).toContain(holder);
      }
    }
  });
});
