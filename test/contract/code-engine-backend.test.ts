import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { backendContract } from "./backend.ts";

backendContract(
  "the Code Engine backend on the emulator",
  async () => {
    const world = await CodeEngineWorld.start();
    return {
      backend: world.backend(),
      image: "registry.test/files:1",
      rootImage: "registry.test/root:1",
      missingImage: "registry.test/missing:1",
      port: 8080,
      limits: { cpuMillis: 500, memoryBytes: 1e9, pids: 50 },
      endSandbox: () => Promise.reject(new Error("there are no sandboxes")),
      async answers(address) {
        try {
          return (await fetch(`http://${address}/`)).ok;
        } catch {
          return false;
        }
      },
      [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
    };
  },
  { ports: false, candidates: false, sandboxes: false, users: true },
);
