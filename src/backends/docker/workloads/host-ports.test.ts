import { createServer } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { HOST_PORTS, HostPorts, isBoundHere, preferredOffset } from "./host-ports.ts";

const owner = { uid: "6f1c2d3e-4a5b-4000-8000-000000000000", namespace: "a", name: "b" };
const other = { ...owner, uid: "another" };
const preferred = HOST_PORTS.first + preferredOffset(owner, "current");

function ports(
  given: { published?: number[]; bound?: number[]; clock?: FakeClock; onList?: () => void } = {},
): HostPorts {
  const { published = [], bound = [], clock = new FakeClock(), onList } = given;
  return new HostPorts({
    published: async () => {
      onList?.();
      return new Set(published);
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
    expect(await ports().choose(owner, "current")).toBe(preferred);
    expect(await ports().choose(owner, "candidate")).not.toBe(preferred);
  });

  it.each([
    { because: "another container has it", given: { published: [preferred, preferred + 1] } },
    { because: "another program has it", given: { bound: [preferred, preferred + 1] } },
    { because: "each has one of two", given: { published: [preferred], bound: [preferred + 1] } },
  ])("takes the next free one when $because", async ({ given }) => {
    expect(await ports(given).choose(owner, "current")).toBe(preferred + 2);
  });

  it("wraps at the end of the range", async () => {
    const last = HOST_PORTS.first + HOST_PORTS.count - 1;
    const published = Array.from({ length: last - preferred + 1 }, (_, at) => preferred + at);
    expect(await ports({ published }).choose(owner, "current")).toBe(HOST_PORTS.first);
  });

  it("gives no port to two that ask at once", async () => {
    const allocator = ports();
    const chosen = await Promise.all([1, 2, 3].map(() => allocator.choose(owner, "current")));
    expect(new Set(chosen).size).toBe(3);
  });

  it("forgets a reservation once the Engine would show it", async () => {
    const clock = new FakeClock();
    const allocator = ports({ clock });
    await allocator.choose(owner, "current");
    await clock.advance(10 * 60_000);
    expect(await allocator.choose(owner, "current")).toBe(preferred);
  });

  it("asks the Engine once for all who ask at once", async () => {
    let lists = 0;
    const clock = new FakeClock();
    const allocator = ports({ clock, onList: () => (lists += 1) });
    await Promise.all([owner, other].map((each) => allocator.choose(each, "current")));
    expect(lists).toBe(1);
    await clock.advance(60_000);
    await allocator.choose(other, "candidate");
    expect(lists).toBe(2);
  });

  it("asks again after a failure", async () => {
    let fails = true;
    const published = async (): Promise<Set<number>> => {
      if (fails) throw new Error("away");
      return new Set();
    };
    const allocator = new HostPorts({ published, isBound: async () => false, clock: new FakeClock() });
    await expect(allocator.choose(owner, "current")).rejects.toThrow("away");
    fails = false;
    expect(await allocator.choose(owner, "current")).toBe(preferred);
  });

  it("says so when none is left", async () => {
    const published = Array.from({ length: HOST_PORTS.count }, (_, at) => HOST_PORTS.first + at);
    await expect(ports({ published }).choose(owner, "current")).rejects.toMatchObject({ reason: "PortConflict" });
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
