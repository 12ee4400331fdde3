import { RemoteBackend } from "../backends/remote/remote-backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";

/** What a deployment is said to have where nobody asks for limits. Its server's are its operator's business: none take effect. */
const LIMITS = { cpu: "500m", memory: "512Mi", pids: 100 };

/** RuntimeBackends of type remote. */
export function remoteDriver(): BackendDriver {
  return {
    settings: () => ({
      defaults: { limits: LIMITS, limitsPids: false },
      // What is known of deployments that are gone is in memory, and goes with them.
      orphanCollection: { enabled: false, intervalHours: 24 },
      secrets: [],
    }),
    create: ({ spec: { remote } }) => new RemoteBackend({ allowedCidrs: remote?.allowedCidrs ?? [] }),
  };
}
