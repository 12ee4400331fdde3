import type { BackendDriver } from "../controllers/backend-driver.ts";
import { codeEngineDriver } from "./code-engine-driver.ts";
import { dockerDriver } from "./docker-driver.ts";
import { remoteDriver } from "./remote-driver.ts";

/** The types of RuntimeBackend that this release has, by `spec.type`. */
export function backendDrivers(installation: string): Readonly<Record<string, BackendDriver>> {
  return {
    docker: dockerDriver(installation),
    "code-engine": codeEngineDriver(installation),
    remote: remoteDriver(),
  };
}
