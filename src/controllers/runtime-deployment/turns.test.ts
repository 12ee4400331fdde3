import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { TURN_MS, Turns } from "./turns.ts";

const turns = () => {
  const granted: string[] = [];
  return { turns: new Turns((key) => granted.push(key)), granted };
};

describe("Turns", () => {
  it("lets one go at a time, in the order in which they asked", () => {
    const { turns: line, granted } = turns();
    expect(line.take("a", "standard", 0)).toBe(true);
    expect(line.take("b", "standard", 0)).toBe(false);
    expect(line.take("c", "standard", 0)).toBe(false);
    expect(line.take("a", "standard", 1)).toBe(true);
    line.giveBack("a", 2);
    expect(granted).toEqual(["b"]);
    expect(line.take("c", "standard", 3)).toBe(false);
    expect(line.take("b", "standard", 3)).toBe(true);
    line.giveBack("b", 4);
    line.giveBack("c", 5);
    expect(granted).toEqual(["b", "c"]);
    expect(line.take("d", "standard", 6)).toBe(true);
  });

  it("knows nothing of other groups", () => {
    const { turns: line } = turns();
    expect(line.take("a", "standard", 0)).toBe(true);
    expect(line.take("b", "own", 0)).toBe(true);
  });

  it("skips whoever no longer waits", () => {
    const { turns: line, granted } = turns();
    line.take("a", "standard", 0);
    line.take("b", "standard", 0);
    line.take("c", "standard", 0);
    line.giveBack("b", 1);
    line.giveBack("a", 2);
    expect(granted).toEqual(["c"]);
  });

  it("does not wait for ever", () => {
    const { turns: line, granted } = turns();
    line.take("a", "standard", 0);
    line.take("b", "standard", 0);
    expect(line.remainingMs("standard", 1_000)).toBe(TURN_MS - 1_000);
    expect(line.take("b", "standard", TURN_MS - 1)).toBe(false);
    expect(line.take("b", "standard", TURN_MS)).toBe(true);
    line.giveBack("a", TURN_MS + 1);
    expect(line.take("a", "standard", TURN_MS + 1)).toBe(false);
    expect(granted).toEqual([]);
  });

  it("gives up what it had elsewhere when it comes for another group", () => {
    const { turns: line, granted } = turns();
    line.take("a", "standard", 0);
    line.take("b", "standard", 0);
    expect(line.take("a", "own", 1)).toBe(true);
    expect(granted).toEqual(["b"]);
  });

  it("never has two at once, and serves everybody in the end", () => {
    const step = fc.record({ key: fc.constantFrom("a", "b", "c", "d"), take: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { turns: line } = turns();
        const wants = new Set<string>();
        for (const { key, take } of steps) {
          if (take) {
            line.take(key, "g", 0);
            wants.add(key);
          } else {
            line.giveBack(key, 0);
            wants.delete(key);
          }
          const going = [...wants].filter((each) => line.take(each, "g", 0));
          expect(going).toHaveLength(Math.min(1, wants.size));
        }
        while (wants.size > 0) {
          const [going] = [...wants].filter((each) => line.take(each, "g", 0));
          if (going === undefined) throw new Error("nobody may go");
          line.giveBack(going, 0);
          wants.delete(going);
        }
      }),
    );
  });
});
