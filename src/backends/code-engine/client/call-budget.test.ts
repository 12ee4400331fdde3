import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { type BudgetLimits, CallBudget } from "./call-budget.ts";

const never = new AbortController().signal;
const limits: BudgetLimits = { concurrent: 2, perSecond: 10, burst: 4, reserve: 2, queue: 3 };

function setUp(own: Partial<BudgetLimits> = {}) {
  const clock = new FakeClock();
  const budget = new CallBudget(clock, { ...limits, ...own });
  const admitted: string[] = [];
  const ask = async (name: string, { poll = false, signal = never } = {}): Promise<() => void> => {
    const release = await budget.admit({ operation: name, signal, poll });
    admitted.push(name);
    return release;
  };
  return { clock, budget, admitted, ask };
}

describe("a budget of calls", () => {
  it("lets so many run at once, and the others in their order", async () => {
    const { clock, admitted, ask } = setUp({ burst: 100 });
    const first = await ask("a");
    await ask("b");
    const waiting = ["c", "d"].map((name) => ask(name));
    await clock.advance(10_000);
    expect(admitted).toEqual(["a", "b"]);
    first();
    first();
    await clock.advance(0);
    expect(admitted).toEqual(["a", "b", "c"]);
    (await waiting[0])?.();
    await clock.advance(0);
    expect(admitted).toEqual(["a", "b", "c", "d"]);
  });

  it("lets so many a second pass after a burst", async () => {
    const { clock, admitted, ask } = setUp({ concurrent: 100, queue: 100 });
    const all = Array.from({ length: 10 }, (_, index) => ask(`${index}`));
    await clock.advance(0);
    expect(admitted).toHaveLength(4);
    await clock.advance(250);
    expect(admitted).toHaveLength(6);
    await clock.advance(10_000);
    await Promise.all(all);
    expect(admitted.map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(clock.pending).toBe(0);
  });

  it("refuses polls while others need what is left, and writes pass", async () => {
    const { clock, admitted, ask } = setUp();
    for (const name of ["a", "b"]) (await ask(name))();
    await expect(ask("poll", { poll: true })).rejects.toMatchObject({
      ...{ kind: "throttled", status: undefined, operation: "poll", retryAfterMs: expect.any(Number) },
    });
    (await ask("write"))();
    await clock.advance(1_000);
    (await ask("poll", { poll: true }))();
    expect(admitted).toEqual(["a", "b", "write", "poll"]);
  });

  it("tells a poll when to come again", async () => {
    const { clock, ask } = setUp();
    for (const name of ["a", "b"]) (await ask(name))();
    const error: unknown = await ask("poll", { poll: true }).catch((thrown: unknown) => thrown);
    const { retryAfterMs } = error as { retryAfterMs: number };
    await clock.advance(retryAfterMs - 1);
    await expect(ask("poll", { poll: true })).rejects.toMatchObject({ kind: "throttled" });
    await clock.advance(1);
    await expect(ask("poll", { poll: true })).resolves.toBeDefined();
  });

  it("does not let a poll overtake who waits", async () => {
    const { ask } = setUp({ concurrent: 1, burst: 100, reserve: 0 });
    await ask("a");
    void ask("b");
    await expect(ask("poll", { poll: true })).rejects.toMatchObject({ kind: "throttled" });
  });

  it("waits while the service wants no calls", async () => {
    const { clock, budget, admitted, ask } = setUp();
    budget.pause(5_000);
    budget.pause(1_000);
    const waiting = ask("a");
    await clock.advance(4_999);
    expect(admitted).toEqual([]);
    await clock.advance(1);
    await waiting;
    expect(admitted).toEqual(["a"]);
  });

  it("forgets who gave up, and lets the next take the place", async () => {
    const { clock, admitted, ask } = setUp({ concurrent: 1, burst: 100 });
    const release = await ask("a");
    const controller = new AbortController();
    const gaveUp = ask("b", { signal: controller.signal });
    const next = ask("c");
    controller.abort(new Error("gave up"));
    await expect(gaveUp).rejects.toThrow("gave up");
    release();
    await clock.advance(0);
    await next;
    expect(admitted).toEqual(["a", "c"]);
  });

  it("keeps its queue short", async () => {
    const { ask } = setUp({ concurrent: 1 });
    await ask("a");
    for (const name of ["b", "c", "d"]) void ask(name);
    await expect(ask("e")).rejects.toMatchObject({ kind: "throttled", said: expect.stringContaining("3 calls wait") });
  });
});
