import { expect, it } from "@jest/globals";
import { Holds } from "./holds.ts";

const failure = { kind: "retried", reason: "ImageNotFound", message: "m" } as const;

it("waits twice as long after each failure, five minutes at most", () => {
  const holds = new Holds<"revision">();
  let now = 0;
  const waits = Array.from({ length: 12 }, () => {
    const { until } = holds.add("revision", { token: "a", now, failure });
    const wait = until - now;
    now = until;
    return wait / 1000;
  });
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
});

it("holds until its time, and what was attempted only", () => {
  const holds = new Holds<"revision" | "start">();
  holds.add("revision", { token: "a", now: 100, failure });
  expect(holds.active("revision", "a", 1_099)).toMatchObject({ failures: 1, failure });
  expect(holds.active("revision", "a", 1_100)).toBeUndefined();
  expect(holds.last("revision", "a")?.failure).toBe(failure);
  expect(holds.active("revision", "b", 200)).toBeUndefined();
  expect(holds.active("start", "a", 200)).toBeUndefined();
});

it("begins anew with another attempt, and when it is cleared", () => {
  const holds = new Holds<"revision">();
  holds.add("revision", { token: "a", now: 0 });
  expect(holds.add("revision", { token: "b", now: 0 }).failures).toBe(1);
  holds.clear("revision");
  expect(holds.last("revision", "b")).toBeUndefined();
});

it("waits as long as it is told to", () => {
  expect(new Holds<"revision">().add("revision", { token: "a", now: 0, leastMs: 60_000 }).until).toBe(60_000);
});
