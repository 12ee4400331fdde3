import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { candidate } from "../../test/support/lease-candidate.ts";
import { hangs, hangsForEver, isGone, type LeaseFault, MemoryLeases } from "../../test/support/memory-leases.ts";
import { LeadershipLost } from "./fence.ts";
import type { LeaderElectionOptions } from "./leader-election.ts";

const GATEWAY = "slipway.dev/gateway-address";

async function leading(more: Partial<LeaderElectionOptions> = {}) {
  const [leases, clock] = [new MemoryLeases(), new FakeClock()];
  const a = candidate(leases, "a", clock, more);
  await clock.advance(0);
  expect(a.election.isReady()).toBe(true);
  return { leases, clock, a };
}

/** Of a process that stood still: its timers come later than its clock says. */
class StandingClock extends FakeClock {
  stoodMs = 0;
  override monotonicMs() {
    return super.monotonicMs() + this.stoodMs;
  }
}

describe("LeaderElection", () => {
  it("makes the lease where there is none, and leads", async () => {
    const { leases, a } = await leading({ gatewayAddress: () => "10.0.0.1:7080" });
    expect(leases.stored).toMatchObject({
      metadata: { annotations: { [GATEWAY]: "10.0.0.1:7080" } },
      spec: {
        holderIdentity: "a",
        leaseDurationSeconds: 15,
        leaseTransitions: 0,
        renewTime: "2026-01-01T00:00:00.000000Z",
      },
    });
    expect(a.election.leader).toEqual({ isSelf: true, identity: "a", gatewayAddress: "10.0.0.1:7080" });
    expect(() => a.election.check()).not.toThrow();
    await expect(a.election.whenReady(new AbortController().signal)).resolves.toBeUndefined();
  });

  it("renews every 2 s, as one term", async () => {
    const { leases, clock, a } = await leading();
    await clock.advance(60_000);
    expect(leases.calls.filter((verb) => verb === "update")).toHaveLength(30);
    expect(leases.stored?.spec).toMatchObject({
      acquireTime: "2026-01-01T00:00:00.000000Z",
      renewTime: "2026-01-01T00:01:00.000000Z",
      leaseTransitions: 0,
    });
    expect(a.election.isReady()).toBe(true);
  });

  it("waits while another renews, and says who leads", async () => {
    const { leases, clock } = await leading({ gatewayAddress: () => "10.0.0.1:7080" });
    const b = candidate(leases, "b", clock);
    await clock.advance(120_000);
    expect(b.election.isReady()).toBe(false);
    expect(b.election.leader).toEqual({ isSelf: false, identity: "a", gatewayAddress: "10.0.0.1:7080" });
    expect(() => b.election.check()).toThrow(LeadershipLost);
    expect(b.election.closed.aborted).toBe(false);
  });

  it("takes a lease over that nobody renews for as long as it lasts, by its own clock, and then at once", async () => {
    const { leases, clock } = await leading();
    const own = new FakeClock();
    await own.advance(1_000_000);
    leases.heal();
    const b = candidate(leases, "b", own, { gatewayAddress: () => undefined });
    await own.advance(14_999);
    expect(b.election.isReady()).toBe(false);
    await own.advance(1);
    expect(b.election.isReady()).toBe(true);
    expect(leases.stored?.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
    // The clock of the former holder stood all the while.
    expect(clock.monotonicMs()).toBe(0);
  });

  it.each([
    { because: "of a clock an hour ahead", renewTime: "2026-01-01T01:00:00.000000Z" },
    { because: "of a clock an hour behind", renewTime: "2025-12-31T23:00:00.000000Z" },
    { because: "of no clock", renewTime: undefined },
  ])("waits as long as ever for a lease with a time $because", async ({ renewTime }) => {
    const { leases } = await leading();
    const { renewTime: _, ...spec } = leases.stored?.spec ?? {};
    leases.edit(() => ({ spec: { ...spec, ...(renewTime !== undefined && { renewTime }) } }));
    const own = new FakeClock();
    const b = candidate(leases, "b", own);
    await own.advance(14_999);
    expect(b.election.isReady()).toBe(false);
    await own.advance(1);
    expect(b.election.isReady()).toBe(true);
  });

  it.each([
    { because: "longer than our own", seconds: 60, waitsMs: 60_000 },
    { because: "shorter than our own", seconds: 1, waitsMs: 15_000 },
    { because: "longer than any that can be asked for", seconds: 1e9, waitsMs: 300_000 },
  ])("waits $waitsMs ms for a lease of $seconds s, which is $because", async ({ seconds, waitsMs }) => {
    const { leases } = await leading();
    leases.edit(({ spec }) => ({ spec: { ...spec, leaseDurationSeconds: seconds } }));
    const own = new FakeClock();
    const b = candidate(leases, "b", own);
    await own.advance(waitsMs - 1);
    expect(b.election.isReady()).toBe(false);
    await own.advance(1);
    expect(b.election.isReady()).toBe(true);
  });

  it("does not take a lease that is renewed for the first it sees of it being late", async () => {
    const { leases, clock, a } = await leading();
    // As where an API server that is busy asks for patience three times before it answers.
    leases.fail("get", { before: () => new Promise((resolve) => clock.schedule(15_000, resolve)) });
    const b = candidate(leases, "b", clock);
    await clock.advance(60_000);
    expect(b.election.isReady()).toBe(false);
    expect(a.election.isReady()).toBe(true);
    expect(leases.stored?.spec).toMatchObject({ holderIdentity: "a", leaseTransitions: 0 });
  });

  it("is not kept waiting by who only annotates the lease", async () => {
    const { leases } = await leading();
    const own = new FakeClock();
    const b = candidate(leases, "b", own);
    for (let seconds = 0; seconds < 15; seconds += 1) {
      await own.advance(1_000);
      leases.edit(({ metadata }) => ({ metadata: { ...metadata, annotations: { note: `${seconds}` } } }));
    }
    expect(b.election.isReady()).toBe(true);
  });

  it("takes the former holder's address off the lease", async () => {
    const { leases } = await leading({ gatewayAddress: () => "10.0.0.1:7080" });
    const own = new FakeClock();
    const b = candidate(leases, "b", own);
    await own.advance(15_000);
    expect(leases.stored?.metadata.annotations).toEqual({});
    expect(b.election.leader).toEqual({ isSelf: true, identity: "b", gatewayAddress: undefined });
  });

  it("has one of many that ask at once lead", async () => {
    const [leases, clock] = [new MemoryLeases(), new FakeClock()];
    const all = Array.from({ length: 20 }, (_, at) => candidate(leases, `candidate-${at}`, clock));
    await clock.advance(60_000);
    expect(all.filter(({ election }) => election.isReady())).toHaveLength(1);
    expect(all.map(({ outcome }) => outcome())).toEqual(all.map(() => "runs"));
    // What was lost to another is no news.
    expect(all.flatMap(({ lines }) => lines).filter(({ level }) => level === "warn")).toEqual([]);
  });

  it("goes on though others annotate the lease that it holds", async () => {
    const { leases, clock, a } = await leading();
    for (let times = 0; times < 10; times++) {
      leases.edit(({ metadata }) => ({ metadata: { ...metadata, annotations: { note: `${times}` } } }));
      await clock.advance(5_000);
      expect(a.election.isReady()).toBe(true);
    }
    expect(leases.stored?.metadata.annotations).toEqual({ note: "9" });
  });

  it.each([
    {
      because: "b has the lease",
      befalls: (leases: MemoryLeases) =>
        leases.edit(({ spec }) => ({ spec: { ...spec, holderIdentity: "b", leaseTransitions: 1 } })),
    },
    {
      because: "nobody has the lease",
      befalls: (leases: MemoryLeases) => leases.edit(({ spec: { holderIdentity: _, ...spec } = {} }) => ({ spec })),
    },
    {
      because: "a has the lease",
      befalls: (leases: MemoryLeases) => leases.edit(({ spec }) => ({ spec: { ...spec, leaseTransitions: 1 } })),
    },
    {
      because: "the lease was deleted",
      befalls: (leases: MemoryLeases) => {
        leases.stored = undefined;
      },
    },
  ])("has lost at the next renewal when $because, and never leads again", async ({ because, befalls }) => {
    const { leases, clock, a } = await leading();
    befalls(leases);
    await clock.advance(2_000);
    expect(a.election.isReady()).toBe(false);
    expect(a.election.leader.isSelf).toBe(false);
    expect(a.election.lost.reason).toEqual(new LeadershipLost(because));
    expect(a.election.closed.aborted).toBe(true);
    expect(a.outcome()).toEqual(new LeadershipLost(because));
    const { length } = leases.calls;
    await clock.advance(100_000);
    expect(leases.calls).toHaveLength(length);
  });

  it.each<{ because: string; fault: LeaseFault }>([
    { because: "a renewal hangs until it is told to end", fault: { before: hangs } },
    { because: "a renewal hangs whatever it is told", fault: { before: hangsForEver } },
    { because: "a renewal goes through and its answer hangs", fault: { after: hangsForEver } },
    { because: "the API server is gone", fault: { before: isGone } },
  ])("stops acting 10 s after it last asked with success: $because", async ({ fault }) => {
    const { leases, clock, a } = await leading();
    await clock.advance(2_000);
    leases.fail("any", fault);
    let lostAtMs: number | undefined;
    a.election.lost.addEventListener("abort", () => {
      lostAtMs = clock.monotonicMs();
    });
    await clock.advance(9_999);
    expect(a.election.isReady()).toBe(true);
    await clock.advance(1);
    expect(lostAtMs).toBe(12_000);
    expect(a.election.isReady()).toBe(false);
    expect(() => a.election.check()).toThrow("could not be renewed for 10000 ms");
  });

  it("goes on when the API server comes back in time", async () => {
    const { leases, clock, a } = await leading();
    leases.fail("any", { before: isGone });
    await clock.advance(7_500);
    leases.heal();
    await clock.advance(60_000);
    expect(a.election.isReady()).toBe(true);
    expect(a.lines).toContainEqual(
      expect.objectContaining({ level: "warn", message: "the lease could not be renewed" }),
    );
  });

  it("goes on when a renewal went through that was not answered", async () => {
    const { leases, clock, a } = await leading();
    leases.fail("update", { after: isGone });
    await clock.advance(60_000);
    expect(a.election.isReady()).toBe(true);
    expect(leases.stored?.spec).toMatchObject({ holderIdentity: "a", leaseTransitions: 0 });
  });

  it("counts a renewal from when it was sent, not from its answer", async () => {
    const { leases, clock, a } = await leading();
    const answers = Promise.withResolvers<void>();
    leases.fail("update", { after: () => answers.promise });
    await clock.advance(7_000);
    answers.resolve();
    leases.fail("any", { before: isGone });
    await clock.advance(4_999);
    expect(a.election.isReady()).toBe(true);
    await clock.advance(1);
    expect(clock.monotonicMs()).toBe(12_000);
    expect(a.election.isReady()).toBe(false);
  });

  it("refuses by the clock what comes before the timer, in a process that stood still", async () => {
    const clock = new StandingClock();
    const leases = new MemoryLeases();
    const a = candidate(leases, "a", clock);
    await clock.advance(0);
    clock.stoodMs = 9_999;
    expect(() => a.election.check()).not.toThrow();
    clock.stoodMs = 10_000;
    expect(a.election.isReady()).toBe(false);
    expect(a.election.lost.aborted).toBe(false);
    expect(() => a.election.check()).toThrow(LeadershipLost);
    expect(a.election.lost.aborted).toBe(true);
    expect(a.election.closed.aborted).toBe(true);
    await a.ended;
    expect(a.outcome()).toBeInstanceOf(LeadershipLost);
  });

  it("does not renew what it held before it stood still, though nobody has taken it", async () => {
    const clock = new StandingClock();
    const leases = new MemoryLeases();
    const a = candidate(leases, "a", clock);
    await clock.advance(0);
    clock.stoodMs = 60_000;
    // The renewal is due before the deadline, by timers.
    await clock.advance(2_000);
    expect(leases.calls).toEqual(["get", "create"]);
    expect(a.outcome()).toBeInstanceOf(LeadershipLost);
  });

  it("gives the lease up at stop, so that another leads at once", async () => {
    const { leases, clock, a } = await leading({ gatewayAddress: () => "10.0.0.1:7080" });
    const b = candidate(leases, "b", clock);
    await clock.advance(4_500);
    a.stop();
    await a.ended;
    expect(a.outcome()).toBe("ended");
    expect(a.election.lost.aborted).toBe(false);
    // Whatever still runs in it is refused.
    expect(a.election.closed.aborted).toBe(true);
    expect(() => a.election.check()).toThrow("the lease was given up");
    expect(leases.stored?.spec).not.toHaveProperty("holderIdentity");
    expect(leases.stored?.metadata.annotations).toEqual({});
    await clock.advance(0);
    expect(b.election.isReady()).toBe(true);
    expect(leases.stored?.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
  });

  it("gives it up though a renewal is under way", async () => {
    const { leases, clock, a } = await leading();
    leases.fail("update", { after: hangs });
    await clock.advance(3_000);
    a.stop();
    await a.ended;
    expect(leases.stored?.spec).not.toHaveProperty("holderIdentity");
  });

  it("ends within 3 s of stop though the API server does not answer", async () => {
    const { leases, clock, a } = await leading();
    leases.fail("any", { before: hangs });
    a.stop();
    await clock.advance(3_000);
    expect(a.outcome()).toBe("ended");
    expect(a.lines).toContainEqual(expect.objectContaining({ message: "the lease could not be given up" }));
  });

  it("takes nothing from another at stop", async () => {
    const { leases, clock } = await leading();
    const b = candidate(leases, "b", clock);
    await clock.advance(10_000);
    b.stop();
    await b.ended;
    expect(b.outcome()).toBe("ended");
    expect(leases.stored?.spec?.holderIdentity).toBe("a");
    await expect(b.election.whenReady(AbortSignal.abort(new Error("stops")))).rejects.toThrow("stops");
  });

  it.each([
    { because: "was not looked at", fault: { before: hangs }, left: undefined },
    { because: "went through", fault: { after: hangs }, left: { leaseDurationSeconds: 1 } },
  ])("leaves nothing held when it is stopped within a claim that $because", async ({ fault, left }) => {
    const [leases, clock] = [new MemoryLeases(), new FakeClock()];
    leases.fail("create", fault);
    const a = candidate(leases, "a", clock);
    await clock.advance(1_000);
    a.stop();
    await a.ended;
    expect(a.outcome()).toBe("ended");
    if (left) expect(leases.stored?.spec).toMatchObject(left);
    expect(leases.stored?.spec?.holderIdentity).toBeUndefined();
  });

  it("leads by its own claim that was not answered, without waiting for itself", async () => {
    const [leases, clock] = [new MemoryLeases(), new FakeClock()];
    leases.fail("create", { after: isGone });
    const a = candidate(leases, "a", clock);
    await clock.advance(2_000);
    expect(a.election.isReady()).toBe(true);
  });

  it("does not lead by a claim that was answered too late, but by another", async () => {
    const [leases, clock] = [new MemoryLeases(), new FakeClock()];
    const answers = Promise.withResolvers<void>();
    leases.fail("create", { after: () => answers.promise });
    const a = candidate(leases, "a", clock);
    await clock.advance(10_000);
    expect(a.election.isReady()).toBe(false);
    answers.resolve();
    await clock.advance(0);
    expect(leases.calls.filter((verb) => verb === "update")).toHaveLength(1);
    expect(a.election.isReady()).toBe(true);
    leases.fail("any", { before: isGone });
    await clock.advance(9_999);
    expect(a.election.isReady()).toBe(true);
    await clock.advance(1);
    expect(a.election.isReady()).toBe(false);
  });

  it("counts another process of its own identity as any other", async () => {
    const { leases, clock, a } = await leading();
    const twin = candidate(leases, "a", clock);
    await clock.advance(60_000);
    expect([a, twin].map(({ election }) => election.isReady())).toEqual([true, false]);
    leases.fail("any", { before: isGone });
    await clock.advance(10_000);
    leases.heal();
    await clock.advance(15_000);
    expect([a, twin].map(({ election }) => election.isReady())).toEqual([false, true]);
  });

  it.each([
    { because: "was deleted", knownAtMs: 1_000, befalls: (leases: MemoryLeases) => leases.delete() },
    {
      because: "was deleted, which no event tells,",
      knownAtMs: 3_000,
      befalls: (leases: MemoryLeases) => {
        leases.stored = undefined;
      },
    },
  ])("waits for a lease that $because under its holder", async ({ knownAtMs, befalls }) => {
    const { leases } = await leading();
    const own = new FakeClock();
    const b = candidate(leases, "b", own);
    await own.advance(1_000);
    befalls(leases);
    await own.advance(knownAtMs - 1_000 + 14_999);
    expect(b.election.isReady()).toBe(false);
    await own.advance(1);
    expect(b.election.isReady()).toBe(true);
  });

  it("waits for a lease that somebody else emptied under its holder", async () => {
    const { leases } = await leading();
    const own = new FakeClock();
    const b = candidate(leases, "b", own);
    await own.advance(1_000);
    leases.edit(({ spec: { holderIdentity: _, ...spec } = {} }) => ({ spec }));
    await own.advance(14_999);
    expect(b.election.isReady()).toBe(false);
    await own.advance(1);
    expect(b.election.isReady()).toBe(true);
  });

  it("goes on asking while the API server refuses", async () => {
    const [leases, clock] = [new MemoryLeases(), new FakeClock()];
    leases.fail("any", { before: isGone });
    const a = candidate(leases, "a", clock);
    await clock.advance(60_000);
    expect(a.election.isReady()).toBe(false);
    leases.heal();
    await clock.advance(2_000);
    expect(a.election.isReady()).toBe(true);
  });
});
