import { systemClock } from "../../src/machinery/clock.ts";
import { MemoryBackend, MemoryEngine } from "../support/memory-backend.ts";
import { type BackendWorld, backendContract } from "./backend.ts";

backendContract("the backend in memory", async (): Promise<BackendWorld> => {
  const engine = new MemoryEngine(systemClock);
  engine.publish("example.com/server:1");
  const backend = new MemoryBackend(engine);
  return {
    backend,
    image: "example.com/server:1",
    port: 8080,
    missingImage: "example.com/missing:1",
    answers: async (address) => engine.at(address) !== undefined,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
});
