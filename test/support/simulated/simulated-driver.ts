import type { BackendDriver } from "../../../src/controllers/backend-driver.ts";
import type { ProbeTarget } from "../../../src/probe/prober.ts";
import { Answers } from "./answers.ts";
import { SimulatedBackend } from "./simulated-backend.ts";
import { SimulatedProbe } from "./simulated-probe.ts";

/** RuntimeBackends of type `simulated`, all at the place behind this socket, and the probe of what runs there. */
export function simulatedParts(socketPath: string) {
  const answers = new Answers();
  const driver: BackendDriver = {
    settings: () => ({
      defaults: { limits: { cpu: "100m", memory: "64Mi", pids: 50 }, limitsPids: true },
      orphanCollection: { enabled: true, intervalHours: 24 },
      secrets: [],
    }),
    create: ({ metadata: { name } }) => new SimulatedBackend(name, socketPath, answers),
  };
  return {
    drivers: { simulated: driver },
    makeProbe: (what: ProbeTarget["probe"]) => new SimulatedProbe(what, answers),
  };
}
