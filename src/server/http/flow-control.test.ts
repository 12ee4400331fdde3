import { beforeEach, describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { FlowControl } from "./flow-control.ts";

const LIMITS = { seats: 4, seatsOfOne: 3, waiting: 10, waitingOfOne: 6, waitMs: 1_000 };

describe("FlowControl", () => {
  let clock: FakeClock;
  let flow: FlowControl;
  /** Names of requests in the order in which they were begun. */
  let begun: string[];
  const ends = new Map<string, () => void>();
  const answers = new Map<string, Promise<string>>();

  beforeEach(() => {
    clock = new FakeClock();
    flow = new FlowControl(clock, LIMITS);
    begun = [];
    ends.clear();
    answers.clear();
  });

  /** A request that lasts until `end`. */
  function request(user: string, name: string, isWanted = () => true): void {
    const { promise, resolve } = Promise.withResolvers<string>();
    ends.set(name, () => resolve(name));
    const answer = flow.run(user, isWanted, () => {
      begun.push(name);
      return promise;
    });
    answer.catch(() => undefined);
    answers.set(name, answer);
  }

  async function end(name: string): Promise<void> {
    ends.get(name)?.();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  }

  it("begins at once what there is a seat for", async () => {
    request("ann", "a1");
    expect(begun).toEqual(["a1"]);
    await end("a1");
    expect(await answers.get("a1")).toBe("a1");
    expect(flow.numbers).toEqual({ seated: 0, waiting: 0, refused: 0 });
  });

  it("leaves seats for others, whatever one user sends", async () => {
    for (const name of ["a1", "a2", "a3", "a4", "a5"]) request("ann", name);
    request("bob", "b1");
    expect(begun).toEqual(["a1", "a2", "a3", "b1"]);
  });

  it("is crowded where every seat is taken and somebody waits, not where one user has had enough", async () => {
    for (const name of ["a1", "a2", "a3", "a4"]) request("a", name);
    expect(flow.numbers).toMatchObject({ seated: 3, waiting: 1 });
    expect(flow.isCrowded).toBe(false);
    request("b", "b1");
    expect(flow.isCrowded).toBe(true);
    await end("b1");
    expect(flow.isCrowded).toBe(false);
  });

  it("lets users take turns for what becomes free", async () => {
    for (const name of ["a1", "a2", "a3", "a4", "a5", "a6"]) request("ann", name);
    for (const name of ["b1", "b2", "b3"]) request("bob", name);
    for (const name of ["c1", "c2"]) request("cid", name);
    expect(begun).toEqual(["a1", "a2", "a3", "b1"]);
    begun = [];
    for (const name of ["a1", "a2", "a3", "b1"]) await end(name);
    expect(begun).toEqual(["a4", "b2", "c1", "a5"]);
  });

  it("passes over those who have gone meanwhile", async () => {
    for (const name of ["a1", "a2", "a3"]) request("ann", name);
    request("bob", "b1");
    request("cid", "c1", () => false);
    request("cid", "c2");
    await end("a1");
    expect(begun).toEqual(["a1", "a2", "a3", "b1", "c2"]);
    await expect(answers.get("c1")).rejects.toMatchObject({ code: 429 });
  });

  it("tells a user who has too many waiting to come back, and nobody else", async () => {
    for (let index = 0; index < LIMITS.seatsOfOne + LIMITS.waitingOfOne; index += 1) request("ann", `a${index}`);
    request("ann", "more");
    await expect(answers.get("more")).rejects.toMatchObject({
      code: 429,
      status: { details: { retryAfterSeconds: 1 } },
    });
    request("bob", "b1");
    expect(begun).toContain("b1");
    expect(flow.numbers.refused).toBe(1);
  });

  it("bounds what waits of all users together", async () => {
    for (let index = 0; index < LIMITS.seats + LIMITS.waiting; index += 1) request(`user${index}`, `r${index}`);
    request("late", "r");
    await expect(answers.get("r")).rejects.toMatchObject({ code: 429 });
  });

  it("tells who waited too long to come back, and takes no seat for it", async () => {
    for (const name of ["a1", "a2", "a3"]) request("ann", name);
    request("ann", "a4");
    await clock.advance(LIMITS.waitMs);
    await expect(answers.get("a4")).rejects.toMatchObject({ code: 429 });
    await end("a1");
    expect(begun).not.toContain("a4");
    expect(flow.numbers).toMatchObject({ seated: 2, waiting: 0 });
  });

  it("frees the seat of work that fails", async () => {
    await expect(
      flow.run(
        "ann",
        () => true,
        () => Promise.reject(new Error("no")),
      ),
    ).rejects.toThrow("no");
    expect(flow.numbers.seated).toBe(0);
  });
});
