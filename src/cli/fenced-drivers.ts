import type { FullBackend } from "../backends/backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import type { Fence } from "../machinery/fence.ts";
import { wrappedDrivers } from "./wrapped-drivers.ts";

/** What changes something outside of this process, or takes hold of it. */
const CHANGES: ReadonlySet<string | symbol> = new Set<keyof FullBackend>([
  ...(["ensureImage", "create", "update", "start", "stop", "repair", "delete", "purge", "collectOrphans"] as const),
  ...(["ensureBuild", "endBuilds", "manageEgress", "attach", "attachOwn"] as const),
]);

/**
 * Drivers whose backends ask the fence before each change, whatever means they have. Those that speak over connections ask
 * once more before these write.
 */
export function fencedDrivers(
  drivers: Readonly<Record<string, BackendDriver>>,
  fence: Fence | undefined,
): Readonly<Record<string, BackendDriver>> {
  if (!fence) return drivers;
  return wrappedDrivers(drivers, (_, name, method) => {
    if (!CHANGES.has(name)) return method;
    return async (...args) => {
      fence.check();
      return await method(...args);
    };
  });
}
