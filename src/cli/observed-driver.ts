import type { FullBackend } from "../backends/backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import { errorType, type Tracer } from "../machinery/tracer.ts";

export interface BackendObservers {
  /** A call has ended: `Success`, or the reason of its error. Called synchronously. */
  readonly called: (
    call: { readonly type: string; readonly method: string; readonly result: string },
    tookMs: number,
  ) => void;
  /** A span for each call that is part of a trace. */
  readonly tracer: Tracer;
}

/** Calls that ask the place for something. What is answered without it, and streams, are left alone. */
const CALLS: ReadonlySet<string | symbol> = new Set([
  ...[
    "health",
    "resolveImage",
    "ensureImage",
    "observe",
    "create",
    "update",
    "start",
    "stop",
    "repair",
    "delete",
    "purge",
  ],
  ...["collectOrphans", "ensureBuild", "endBuilds", "usage", "manageEgress"],
]);

type Method = (...args: unknown[]) => unknown;

/** Drivers by type whose backends tell of each call. They are the same otherwise: a method that one does not have it does not get. */
export function observedDrivers(
  drivers: Readonly<Record<string, BackendDriver>>,
  observers: BackendObservers,
): Record<string, BackendDriver> {
  const observed = ([type, driver]: [string, BackendDriver]): [string, BackendDriver] => [
    type,
    {
      settings: (spec) => driver.settings(spec),
      create: (...args) => observedBackend(type, driver.create(...args), observers),
    },
  ];
  return Object.fromEntries(Object.entries(drivers).map(observed));
}

function observedBackend(type: string, backend: FullBackend, observers: BackendObservers): FullBackend {
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(backend, {
    get(target, name) {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      // Bound: private fields are of the backend itself.
      const method = (value as Method).bind(target);
      const told = CALLS.has(name) ? observed({ type, method: String(name) }, method, observers) : method;
      methods.set(name, told);
      return told;
    },
  });
}

function observed(call: { type: string; method: string }, run: Method, { called, tracer }: BackendObservers): Method {
  const attributes = { "slipway.backend.type": call.type };
  const options = { kind: "client", attributes, onlyAsPart: true } as const;
  return (...args) =>
    tracer.span(`${call.type} ${call.method}`, options, async () => {
      const startedMs = performance.now();
      let result = "Success";
      try {
        return await run(...args);
      } catch (error) {
        result = errorType(error);
        throw error;
      } finally {
        called({ ...call, result }, performance.now() - startedMs);
      }
    });
}
