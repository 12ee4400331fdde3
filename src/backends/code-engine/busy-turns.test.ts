import { expect, it } from "@jest/globals";
import { BusyTurns } from "./busy-turns.ts";

it("looks at what has just begun each time, and ever more rarely at what goes on", () => {
  const turns = new BusyTurns();
  const looks = (from: number, to: number) => {
    let count = 0;
    for (let now = from; now < to; now += 5_000) count += turns.due(new Set(["app"]), now).length;
    return count;
  };
  expect(looks(0, 50_000)).toBe(10);
  expect(looks(3_600_000, 7_200_000)).toBe(60);
});

it("begins anew with what has arrived meanwhile", () => {
  const turns = new BusyTurns();
  turns.due(new Set(["app"]), 0);
  turns.due(new Set(["app"]), 3_600_000);
  turns.due(new Set(), 3_600_001);
  expect(turns.due(new Set(["app"]), 3_600_002)).toEqual(["app"]);
});
