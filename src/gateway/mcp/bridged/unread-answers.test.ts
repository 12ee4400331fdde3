import { describe, expect, it } from "@jest/globals";
import { AnswerQueue } from "./answer-queue.ts";
import { UnreadAnswers } from "./unread-answers.ts";

class Reader {
  isBroken = false;
  breakOff(): void {
    this.isBroken = true;
  }
}

describe("what clients leave unread", () => {
  it("is bounded over all of them: who has been behind for longest is broken off", () => {
    const unread = new UnreadAnswers(100);
    const [slow, quick, late] = [new Reader(), new Reader(), new Reader()];
    unread.set(slow, 40);
    unread.set(quick, 40);
    unread.set(quick, 0);
    unread.set(quick, 50);
    unread.set(late, 30);
    expect([slow, quick, late].map(({ isBroken }) => isBroken)).toEqual([true, false, false]);
    expect(unread.bytes).toBe(80);
  });

  it("may be as much as it likes of one alone", () => {
    const unread = new UnreadAnswers(100);
    const reader = new Reader();
    unread.set(reader, 1_000);
    expect(reader.isBroken).toBe(false);
  });

  it("counts what waits behind it, and nothing of who has left", async () => {
    const unread = new UnreadAnswers(1_000);
    const lost: string[] = [];
    const queues = ["a", "b", "c"].map((id) => new AnswerQueue(id, unread, () => lost.push(id)));
    for (const queue of queues) queue.onMessage({ jsonrpc: "2.0", method: "notifications/progress" }, 200);
    expect([lost, unread.bytes]).toEqual([["a"], 912]);
    const { signal } = new AbortController();
    expect(await queues[0]?.next(signal)).toBeUndefined();
    expect(await queues[1]?.next(signal)).toMatchObject({ method: "notifications/progress" });
    queues[2]?.leave();
    expect(unread.bytes).toBe(0);
  });
});
