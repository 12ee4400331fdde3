import { createServer } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { HOST_PORTS, HostPorts, isBoundHere, type PublishedPorts, preferredOffset, revisionKey } from "./host-ports.ts";

const revision = { uid: "6f1c2d3e-4a5b-4000-8000-000000000000", role: "current", hash: "1" } as const;
const candidate = { ...revision, role: "candidate" } as const;
const newer = { ...revision, hash: "2" };
const other = { ...revision, uid: "another" };
const preferred = HOST_PORTS.first + preferredOffset(revision);

function published(ports: Iterable<number>, ofRevisions: [string, number][] = []): PublishedPorts {
  return { ports: new Set(ports), ofRevisions: new Map(ofRevisions) };
}

function ports(
  given: { taken?: number[]; own?: [string, number][]; bound?: number[]; clock?: FakeClock; onList?: () => void } = {},
): HostPorts {
  const { taken = [], own = [], bound = [], clock = new FakeClock(), onList } = given;
  return new HostPorts({
    published: async () => {
      onList?.();
      return published(taken, own);
    },
    isBound: async (port) => bound.includes(port),
    clock,
  });
}

describe("HostPorts", () => {
  it("stays below the ports that the kernel hands out", () => {
    expect(HOST_PORTS.first + HOST_PORTS.count).toBeLessThanOrEqual(32_768);
  });

  it("chooses the same port for the same owner, another for its candidate", async () => {
    expect(await ports().choose(revision)).toBe(preferred);
    expect(await ports().choose(candidate)).not.toBe(preferred);
  });

  it.each([
    { because: "another container has it", given: { taken: [preferred, preferred + 1] } },
    { because: "another program has it", given: { bound: [preferred, preferred + 1] } },
    { because: "each has one of two", given: { taken: [preferred], bound: [preferred + 1] } },
  ])("takes the next free one when $because", async ({ given }) => {
    expect(await ports(given).choose(revision)).toBe(preferred + 2);
  });

  it("wraps at the end of the range", async () => {
    const last = HOST_PORTS.first + HOST_PORTS.count - 1;
    const taken = Array.from({ length: last - preferred + 1 }, (_, at) => preferred + at);
    expect(await ports({ taken }).choose(revision)).toBe(HOST_PORTS.first);
  });

  it("gives no port to two that ask at once", async () => {
    const allocator = ports();
    const chosen = await Promise.all([revision, newer, candidate].map((each) => allocator.choose(each)));
    expect(new Set(chosen).size).toBe(3);
  });

  it("gives a revision that asks again what it was given", async () => {
    const allocator = ports({ bound: [preferred] });
    const [first, second] = await Promise.all([allocator.choose(revision), allocator.choose(revision)]);
    expect(await allocator.choose(revision)).toBe(preferred + 1);
    expect([first, second]).toContain(preferred + 1);
  });

  it("finds the port that a revision had before this process", async () => {
    const allocator = ports({ taken: [preferred, 25_000], own: [[revisionKey(revision), 25_000]] });
    expect(await allocator.choose(revision)).toBe(25_000);
    expect(await allocator.choose(newer)).toBe(preferred + 1);
  });

  it("gives another port for one that was lost, and that to nobody", async () => {
    const allocator = ports();
    expect(await allocator.choose(revision)).toBe(preferred);
    expect(await allocator.chooseAnother(revision)).toBe(preferred + 1);
    expect(await allocator.choose(revision)).toBe(preferred + 1);
    expect(await allocator.choose(newer)).toBe(preferred + 2);
  });

  it("forgets a reservation once the Engine would show it", async () => {
    const clock = new FakeClock();
    const allocator = ports({ clock });
    await allocator.choose(revision);
    await clock.advance(10 * 60_000);
    expect(await allocator.choose(revision)).toBe(preferred);
  });

  it("asks the Engine once for all who ask at once", async () => {
    let lists = 0;
    const clock = new FakeClock();
    const allocator = ports({ clock, onList: () => (lists += 1) });
    await Promise.all([revision, other].map((each) => allocator.choose(each)));
    expect(lists).toBe(1);
    await clock.advance(60_000);
    await allocator.choose({ ...other, role: "candidate" });
    expect(lists).toBe(2);
  });

  it("asks again after a failure", async () => {
    let fails = true;
    const list = async (): Promise<PublishedPorts> => {
      if (fails) throw new Error("away");
      return published([]);
    };
    const allocator = new HostPorts({ published: list, isBound: async () => false, clock: new FakeClock() });
    await expect(allocator.choose(revision)).rejects.toThrow("away");
    fails = false;
    expect(await allocator.choose(revision)).toBe(preferred);
  });

  it("says so when none is left", async () => {
    const taken = Array.from({ length: HOST_PORTS.count }, (_, at) => HOST_PORTS.first + at);
    await expect(ports({ taken }).choose(revision)).rejects.toMatchObject({ reason: "PortConflict" });
  });
});

describe("isBoundHere", () => {
  it("sees a program that listens, and no other", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect(await isBoundHere("127.0.0.1", port)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await isBoundHere("127.0.0.1", port)).toBe(false);
  });

  it("takes an address that is not of this machine for free", async () => {
    expect(await isBoundHere("203.0.113.1", 20_000)).toBe(false);
  });
});
