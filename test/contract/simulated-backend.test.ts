import { recordingLogger } from "../support/recording-logger.ts";
import { SimulatedPlace } from "../support/simulated/place.ts";
import { simulatedParts } from "../support/simulated/simulated-driver.ts";
import { type BackendWorld, backendContract } from "./backend.ts";

backendContract("a simulated backend", async (): Promise<BackendWorld> => {
  const place = await SimulatedPlace.start();
  const { engine } = place;
  engine.publish("example.com/server:1");
  engine.publish("example.com/root:1", { answers: "mcp", user: "root" });
  const { drivers } = simulatedParts(place.socketPath);
  const object = { metadata: { name: "simulated", uid: "u", resourceVersion: "1" }, spec: { type: "simulated" } };
  const backend = drivers.simulated.create(object as never, [], recordingLogger().logger);
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
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
});
