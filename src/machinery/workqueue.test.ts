import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { type ObjectKey, parseKey } from "../api/meta.ts";
import { WorkQueue, type WorkQueueMetrics } from "./workqueue.ts";

const a = parseKey("ns/a");
const b = parseKey("ns/b");

function newQueue(options: { metrics?: WorkQueueMetrics; baseDelayMs?: number; maxDelayMs?: number } = {}) {
  const clock = new FakeClock();
  return { clock, queue: new WorkQueue({ clock, ...options }) };
}

/** Everything that can be taken without waiting; each is done before the next. */
async function drain(queue: WorkQueue): Promise<string[]> {
  const names: string[] = [];
  while (queue.depth > 0) {
    const key = await queue.take();
    if (!key) break;
    names.push(`${key.namespace}/${key.name}`);
    queue.done(key);
  }
  return names;
}

describe("a work queue", () => {
  it("holds a key once, however often it is added", async () => {
    const { queue } = newQueue();
    for (const key of [a, b, a, a]) queue.add(key);
    expect(await drain(queue)).toEqual(["ns/a", "ns/b"]);
  });

  it("never hands out a key twice at a time, and runs it once more when it was added meanwhile", async () => {
    const { queue } = newQueue();
    queue.add(a);
    expect(await queue.take()).toEqual(a);
    queue.add(a);
    queue.add(a);
    expect(queue.depth).toBe(0);
    queue.done(a);
    expect(await drain(queue)).toEqual(["ns/a"]);
  });

  it("gives a key to whoever waits for one", async () => {
    const { queue } = newQueue();
    const taken = queue.take();
    queue.add({ namespace: "", name: "cluster-scoped" });
    expect(await taken).toEqual({ namespace: "", name: "cluster-scoped" });
  });

  it("lets namespaces take turns, in order within each", async () => {
    const { queue } = newQueue();
    for (let at = 0; at < 1_000; at++) queue.add({ namespace: "storm", name: String(at) });
    for (const name of ["x", "y"]) queue.add({ namespace: "quiet", name });
    expect((await drain(queue)).slice(0, 5)).toEqual(["storm/0", "quiet/x", "storm/1", "quiet/y", "storm/2"]);
  });

  it("adds a key when its time has come; the earliest of several", async () => {
    const { clock, queue } = newQueue();
    queue.addAfter(a, 500);
    queue.addAfter(a, 100);
    queue.addAfter(a, 900);
    await clock.advance(99);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await drain(queue)).toEqual(["ns/a"]);
    await clock.advance(10_000);
    expect(queue.depth).toBe(0);
  });

  it("takes a delay back when the key is worked on earlier", async () => {
    const { clock, queue } = newQueue();
    queue.addAfter(a, 100);
    queue.add(a);
    await drain(queue);
    await clock.advance(200);
    expect(queue.depth).toBe(0);
  });

  it("keeps a delay that is asked for during the work", async () => {
    const { clock, queue } = newQueue();
    queue.add(a);
    await queue.take();
    queue.addAfter(a, 100);
    queue.done(a);
    await clock.advance(100);
    expect(await drain(queue)).toEqual(["ns/a"]);
  });

  it("keeps ten thousand delays behind one timer", async () => {
    const { clock, queue } = newQueue();
    for (let at = 0; at < 10_000; at++)
      queue.addAfter({ namespace: "ns", name: String(at) }, 1 + ((at * 7919) % 10_000));
    expect(clock.pending).toBe(1);
    await clock.advance(5_000);
    expect(queue.depth).toBe(5_000);
    expect(clock.pending).toBe(1);
  });

  it("doubles the delay with each failure up to the cap, until the key is forgotten", () => {
    const { queue } = newQueue({ maxDelayMs: 50 });
    const delays = Array.from({ length: 6 }, () => queue.addRateLimited(a));
    expect(delays).toEqual([5, 10, 20, 40, 50, 50]);
    expect(queue.addRateLimited(b)).toBe(5);
    expect(queue.failures(a)).toBe(6);
    queue.forget(a);
    expect(queue.addRateLimited(a)).toBe(5);
  });

  it("waits as long as the server asked for", async () => {
    const { clock, queue } = newQueue();
    expect(queue.addRateLimited(a, 1_000)).toBe(1_000);
    await clock.advance(999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(queue.depth).toBe(1);
  });

  it("gives out nothing more once it is shut down, and tells when the last is done", async () => {
    const { clock, queue } = newQueue();
    const waiting = [queue.take(), queue.take()];
    queue.add(a);
    expect(await waiting[0]).toEqual(a);
    queue.addAfter(b, 10);
    let drained = false;
    const end = queue.shutDown().then(() => {
      drained = true;
    });
    queue.add(b);
    expect(await waiting[1]).toBeUndefined();
    expect(await queue.take()).toBeUndefined();
    await clock.advance(100);
    expect(drained).toBe(false);
    queue.done(a);
    await end;
    expect(queue.depth + queue.delayed).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("is drained at once when nothing is worked on", async () => {
    const { queue } = newQueue();
    queue.add(a);
    await queue.shutDown();
    await queue.shutDown();
  });

  it("refuses the end of work that nobody began", () => {
    expect(() => newQueue().queue.done(a)).toThrow(RangeError);
  });

  it("reports depth, adds, waiting, working and retries", async () => {
    const seen: [string, number | undefined][] = [];
    const note = (name: string) => (value?: number) => void seen.push([name, value]);
    const { clock, queue } = newQueue({
      metrics: {
        depth: note("depth"),
        added: note("added"),
        latency: note("latency"),
        workDuration: note("work"),
        retried: note("retried"),
      },
    });
    queue.add(a);
    await clock.advance(30);
    const key = (await queue.take()) as ObjectKey;
    await clock.advance(70);
    queue.done(key);
    queue.addRateLimited(a);
    expect(seen).toEqual([
      ["added", undefined],
      ["depth", 1],
      ["depth", 0],
      ["latency", 30],
      ["work", 70],
      ["retried", undefined],
    ]);
  });
});
