import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { type Lane, RequestPace } from "./request-pace.ts";

/** Asks for passage, and notes in `order` when it is given. */
function ask(
  pace: RequestPace,
  order: string[],
  lane: Lane,
  name: string,
  signal?: AbortSignal,
): Promise<number | undefined> {
  return pace.pass(lane, signal).then(
    (waitedMs) => {
      order.push(name);
      return waitedMs;
    },
    () => undefined,
  );
}

describe("RequestPace", () => {
  it("lets the burst pass at once, and then as many as the rate allows", async () => {
    const clock = new FakeClock();
    const pace = new RequestPace({ qps: 10, burst: 3 }, clock);
    const order: string[] = [];
    const asked = ["a", "b", "c", "d", "e"].map((name) => ask(pace, order, "change", name));
    await clock.advance(0);
    expect(order).toEqual(["a", "b", "c"]);
    await clock.advance(100);
    expect(order).toEqual(["a", "b", "c", "d"]);
    await clock.advance(100);
    expect(await Promise.all(asked)).toEqual([0, 0, 0, 100, 200]);
  });

  it("has the lanes take turns, so that many changes do not starve a question", async () => {
    const clock = new FakeClock();
    const pace = new RequestPace({ qps: 10, burst: 1 }, clock);
    const order: string[] = [];
    for (const name of ["first", "c1", "c2", "c3", "c4"]) void ask(pace, order, "change", name);
    for (const name of ["e1", "e2"]) void ask(pace, order, "event", name);
    void ask(pace, order, "question", "q1");
    await clock.advance(300);
    expect(new Set(order.slice(1))).toEqual(new Set(["c1", "e1", "q1"]));
    await clock.advance(1_000);
    expect(order.slice(4)).toEqual(["c2", "e2", "c3", "c4"]);
  });

  it("forgets who no longer waits, without a turn for them", async () => {
    const clock = new FakeClock();
    const pace = new RequestPace({ qps: 10, burst: 1 }, clock);
    const order: string[] = [];
    const enough = new AbortController();
    void ask(pace, order, "change", "first");
    const left = ask(pace, order, "change", "left", enough.signal);
    void ask(pace, order, "change", "last");
    enough.abort(new Error("enough"));
    await left;
    await clock.advance(100);
    expect(order).toEqual(["first", "last"]);
  });

  it("counts once who gives up in the moment in which its turn comes", async () => {
    // Each look at it finds it a little later, so that the turn comes while the caller still asks.
    const clock = new (class extends FakeClock {
      #looks = 0;
      override monotonicMs(): number {
        this.#looks += 60;
        return super.monotonicMs() + this.#looks;
      }
    })();
    const pace = new RequestPace({ qps: 10, burst: 1 }, clock);
    const order: string[] = [];
    const enough = new AbortController();
    await ask(pace, order, "change", "first");
    void ask(pace, order, "change", "left", enough.signal);
    enough.abort(new Error("enough"));
    void ask(pace, order, "change", "last");
    await clock.advance(1_000);
    expect(order.at(-1)).toBe("last");
  });

  it("refuses more than it can hold", async () => {
    const pace = new RequestPace({ qps: 1, burst: 1 }, new FakeClock());
    for (let at = 0; at < 4_097; at++) void pace.pass("change");
    await expect(pace.pass("question")).rejects.toThrow("--kube-api-qps");
  });
});
