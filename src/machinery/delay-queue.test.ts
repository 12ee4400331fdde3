import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { Clock } from "./clock.ts";
import { DelayQueue } from "./delay-queue.ts";

describe("a delay queue", () => {
  it("tells each key once, at its time, whatever is added and deleted in whatever order", async () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
      delayMs: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = new FakeClock();
        const told: [string, number][] = [];
        const queue = new DelayQueue(clock, (key) => told.push([key, clock.monotonicMs()]));
        const expected = new Map<string, number>();
        for (const { key, delayMs } of steps) {
          if (delayMs === undefined) {
            queue.delete(key);
            expected.delete(key);
          } else {
            queue.add(key, delayMs);
            expected.set(key, Math.min(delayMs, expected.get(key) ?? Number.POSITIVE_INFINITY));
          }
        }
        expect(queue.size).toBe(expected.size);
        expect(clock.pending).toBeLessThanOrEqual(1);
        await clock.advance(100);
        expect(new Map(told)).toEqual(expected);
        expect(told).toHaveLength(expected.size);
        expect(clock.pending).toBe(0);
      }),
    );
  });

  it("does not hand Node a timer that is too long: it would fire at once", () => {
    const asked: number[] = [];
    const clock: Clock = {
      ...new FakeClock(),
      now: () => new Date(0),
      monotonicMs: () => 0,
      schedule: (ms) => asked.push(ms) as never,
    };
    new DelayQueue(clock, () => undefined).add("a", 100 * 24 * 3_600_000);
    expect(asked).toEqual([2 ** 31 - 1]);
  });
});
