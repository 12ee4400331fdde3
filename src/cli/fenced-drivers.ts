import type { FullBackend } from "../backends/backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import type { Fence } from "../machinery/fence.ts";

/** What changes something outside of this process, or takes hold of it. */
const CHANGES: ReadonlySet<string | symbol> = new Set<keyof FullBackend>([
  ...(["ensureImage", "create", "update", "start", "stop", "repair", "delete", "purge", "collectOrphans"] as const),
  ...(["ensureBuild", "endBuilds", "manageEgress", "attach", "attachOwn"] as const),
]);

type Method = (...args: unknown[]) => unknown;

/**
 * Drivers whose backends ask the fence before each change, whatever means they have. Those that speak over connections ask
 * once more before these write.
 */
export function fencedDrivers(
  drivers: Readonly<Record<string, BackendDriver>>,
  fence: Fence | undefined,
): Readonly<Record<string, BackendDriver>> {
  if (!fence) return drivers;
  const fenced = ([type, driver]: [string, BackendDriver]): [string, BackendDriver] => [
    type,
    {
      settings: (spec) => driver.settings(spec),
      create: (...args) => fencedBackend(driver.create(...args), fence),
    },
  ];
  return Object.fromEntries(Object.entries(drivers).map(fenced));
}

function fencedBackend(backend: FullBackend, fence: Fence): FullBackend {
  const methods = new Map<string | symbol, Method>();
  return new Proxy(backend, {
    get(target, name) {
      const known = methods.get(name);
      if (known) return known;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      // Bound: private fields are of the backend itself.
      const method = (value as Method).bind(target);
      const asking = async (...args: unknown[]) => {
        fence.check();
        return await method(...args);
      };
      const told = CHANGES.has(name) ? asking : method;
      methods.set(name, told);
      return told;
    },
  });
}
