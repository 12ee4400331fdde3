import type { FullBackend } from "../backends/backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";

/** One method of a backend, whatever it takes and answers. */
export type BackendMethod = (...args: unknown[]) => unknown;

/** What stands in the place of a method of backends of this type; `method` itself where there is nothing to add. */
export type WrapMethod = (type: string, name: string | symbol, method: BackendMethod) => BackendMethod;

/** Drivers by type whose backends have their methods wrapped. They are the same otherwise: a method that one does not have it does not get. */
export function wrappedDrivers(
  drivers: Readonly<Record<string, BackendDriver>>,
  wrap: WrapMethod,
): Record<string, BackendDriver> {
  const wrapped = ([type, driver]: [string, BackendDriver]): [string, BackendDriver] => [
    type,
    {
      settings: (spec) => driver.settings(spec),
      create: (...args) => wrappedBackend(driver.create(...args), (name, method) => wrap(type, name, method)),
    },
  ];
  return Object.fromEntries(Object.entries(drivers).map(wrapped));
}

function wrappedBackend(
  backend: FullBackend,
  wrap: (name: string | symbol, method: BackendMethod) => BackendMethod,
): FullBackend {
  const methods = new Map<string | symbol, BackendMethod>();
  return new Proxy(backend, {
    get(target, name) {
      const known = methods.get(name);
      if (known) return known;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      // Bound: private fields are of the backend itself.
      const wrapped = wrap(name, (value as BackendMethod).bind(target));
      methods.set(name, wrapped);
      return wrapped;
    },
  });
}
