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
      const { server, wanted, subscriptions } = afterRandomSteps(seed);
      expect(server).toEqual(new Set([...wanted.values()].flatMap((uris) => [...uris])));
      for (const [holder, uris] of wanted) {
        expect(subscriptions.countOf(holder)).toBe(uris.size);
        for (const uri of uris) expect([...subscriptions.holdersOf(uri)]).toContain(holder);
      }
    }
  });
});

/** What the server is subscribed to and what the holders want, when all questions are answered. */
function afterRandomSteps(seed: number) {
  const random = randomFrom(seed);
  const pick = (names: readonly string[]) => names[Math.floor(random() * names.length)] ?? "";
  const open: (() => void)[] = [];
  const server = new Set<string>();
  const wanted = new Map(["a", "b", "c"].map((holder) => [holder, new Set<string>()]));
  const subscriptions = new Subscriptions<string, string>((change, uri, settle) => {
    if (change === "subscribe") server.add(uri);
    else server.delete(uri);
    open.push(() => settle(undefined));
  });
  const steps = [
    (holder: string, uri: string) => {
      wanted.get(holder)?.add(uri);
      subscriptions.subscribe(holder, uri, () => undefined);
    },
    (holder: string, uri: string) => {
      wanted.get(holder)?.delete(uri);
      subscriptions.unsubscribe(holder, uri, () => undefined);
    },
    (holder: string) => {
      wanted.get(holder)?.clear();
      subscriptions.leave(holder);
    },
    () => open.shift()?.(),
  ];
  for (let count = 0; count < 60; count += 1) {
    steps[Math.floor(random() * steps.length)]?.(pick(["a", "b", "c"]), pick(["u", "v"]));
  }
  while (open.length > 0) open.shift()?.();
  return { server, wanted, subscriptions };
}
