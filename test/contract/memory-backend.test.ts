import { systemClock } from "../../src/machinery/clock.ts";
import { MemoryBackend } from "../support/memory-backend.ts";
import { MemoryEngine } from "../support/memory-engine.ts";
import { type BackendWorld, backendContract } from "./backend.ts";

backendContract("the backend in memory", async (): Promise<BackendWorld> => {
  const engine = new MemoryEngine(systemClock);
  engine.publish("example.com/server:1");
  engine.publish("example.com/root:1", { answers: "mcp", user: "root" });
  const backend = new MemoryBackend(engine);
  return {
    backend,
    image: "example.com/server:1",
    rootImage: "example.com/root:1",
    port: 8080,
    endSandbox: async ({ id }) => {
      const container = engine.containers.get(id);
      if (container) engine.loseSandbox(container);
    },
    missingImage: "example.com/missing:1",
    answers: async (address) => engine.at(address) !== undefined,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
});
