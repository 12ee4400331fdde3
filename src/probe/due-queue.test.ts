import { expect, it } from "@jest/globals";
import fc from "fast-check";
import { DueQueue } from "./due-queue.ts";

interface Named {
  name: number;
  dueMs: number;
  position: number;
}

it("yields the earliest, whatever was added, moved and removed", () => {
  const steps = fc.array(fc.record({ name: fc.nat(9), dueMs: fc.nat(50), remove: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (commands) => {
      const queue = new DueQueue<Named>();
      const entries = Array.from({ length: 10 }, (_, name): Named => ({ name, dueMs: 0, position: -1 }));
      const model = new Map<number, number>();
      for (const { name, dueMs, remove } of commands) {
        const entry = entries[name];
        if (!entry) continue;
        if (remove) queue.remove(entry);
        else queue.set(entry, dueMs);
        if (remove) model.delete(name);
        else model.set(name, dueMs);
        expect(queue.peek()?.dueMs).toBe([...model.values()].sort((a, b) => a - b)[0]);
      }
      expect(queue.size).toBe(model.size);
      const drained: number[] = [];
      for (let first = queue.peek(); first; first = queue.peek()) {
        drained.push(first.dueMs);
        queue.remove(first);
      }
      expect(drained).toEqual([...model.values()].sort((a, b) => a - b));
    }),
  );
});
