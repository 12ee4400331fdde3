import type { FullBackend } from "../backends/backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import { errorType, type Tracer } from "../machinery/tracer.ts";
import { type BackendMethod, wrappedDrivers } from "./wrapped-drivers.ts";

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
const CALLS: ReadonlySet<string | symbol> = new Set<keyof FullBackend>([
  ...(["health", "resolveImage", "ensureImage", "observe", "create", "update", "start", "stop", "repair"] as const),
  ...(["delete", "purge", "collectOrphans", "ensureBuild", "endBuilds", "usage", "manageEgress"] as const),
]);

/** Drivers by type whose backends tell of each call. */
export function observedDrivers(
  drivers: Readonly<Record<string, BackendDriver>>,
  observers: BackendObservers,
): Record<string, BackendDriver> {
  return wrappedDrivers(drivers, (type, name, method) =>
    CALLS.has(name) ? observed({ type, method: String(name) }, method, observers) : method,
  );
}

function observed(
  call: { type: string; method: string },
  run: BackendMethod,
  { called, tracer }: BackendObservers,
): BackendMethod {
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
