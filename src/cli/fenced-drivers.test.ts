import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { MemoryBackend } from "../../test/support/memory-backend.ts";
import { MemoryEngine } from "../../test/support/memory-engine.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import type { RuntimeBackend } from "../api/v1alpha1/index.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import { LeadershipLost } from "../machinery/fence.ts";
import { fencedDrivers } from "./fenced-drivers.ts";

const OWNER = { uid: "uid-1", namespace: "default", name: "files" };
const { signal } = new AbortController();

function newBackend(stands: { now: boolean }) {
  const engine = new MemoryEngine(new FakeClock());
  const driver: BackendDriver = {
    settings: () => {
      throw new Error("not asked for here");
    },
    create: () => new MemoryBackend(engine),
  };
  const check = () => {
    if (!stands.now) throw new LeadershipLost("over");
  };
  const drivers = fencedDrivers({ memory: driver }, { check, closed: new AbortController().signal });
  const object = { metadata: { name: "memory" }, spec: { type: "docker" } } as unknown as RuntimeBackend;
  const backend = drivers.memory?.create(object, [], recordingLogger().logger);
  if (!backend) throw new Error("there is no such driver");
  return { engine, backend };
}

describe("a backend behind a fence", () => {
  it("does what it is told while the fence stands", async () => {
    const { backend, engine } = newBackend({ now: true });
    expect(await backend.purge(OWNER, signal)).toBe(true);
    expect(engine.log).toEqual(["purge"]);
  });

  it("changes nothing once it has fallen, and still answers", async () => {
    const stands = { now: true };
    const { backend, engine } = newBackend(stands);
    stands.now = false;
    await expect(backend.purge(OWNER, signal)).rejects.toThrow(LeadershipLost);
    await expect(backend.stop("id", 1, signal)).rejects.toThrow(LeadershipLost);
    await expect(backend.delete("id", signal)).rejects.toThrow(LeadershipLost);
    await expect(backend.collectOrphans(() => true, signal)).rejects.toThrow(LeadershipLost);
    expect(engine.log).toEqual([]);
    expect(await backend.observe(OWNER, signal)).toEqual([]);
    expect(backend.update).toBeUndefined();
  });

  it("is the driver itself where nobody leads", () => {
    const drivers = {};
    expect(fencedDrivers(drivers, undefined)).toBe(drivers);
  });
});
