import { systemClock } from "../../src/machinery/clock.ts";
import { MemoryBackend, MemoryEngine } from "../support/memory-backend.ts";
import { backendContract } from "./backend.ts";

const IMAGE = "registry.test/contract:1";
const engine = new MemoryEngine(systemClock);
engine.publish(IMAGE);

// The fake that the controllers are tested with has to keep the promises that they rely on.
backendContract("the backend in memory", async () => {
  const backend = new MemoryBackend(engine);
  return {
    backend,
    image: IMAGE,
    port: 8080,
    missingImage: "registry.test/nothing:1",
    answers: async (address) => engine.at(address) !== undefined,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
});
