import type { BackendDriver } from "../controllers/backend-driver.ts";
import type { Fence } from "../machinery/fence.ts";
import { codeEngineDriver } from "./code-engine-driver.ts";
import { dockerDriver } from "./docker-driver.ts";
import { ProcessDriver } from "./process-driver.ts";
import { remoteDriver } from "./remote-driver.ts";

/**
 * The types of RuntimeBackend that this release has, by `spec.type`. `process` keeps what runs, and belongs to the caller, who
 * disposes it; absent: nothing is run. The others ask `fence` before they send anything.
 */
export function backendDrivers(
  installation: string,
  process: BackendDriver = new ProcessDriver({ installation }),
  fence?: Fence,
): Readonly<Record<string, BackendDriver>> {
  return {
    docker: dockerDriver(installation, fence),
    "code-engine": codeEngineDriver(installation, fence),
    process,
    remote: remoteDriver(),
  };
}
