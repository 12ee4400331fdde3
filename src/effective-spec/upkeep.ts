import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { EffectiveSpec } from "./effective-spec.ts";
import { type CatalogLayer, layered } from "./layers.ts";
import { transportOf } from "./transport.ts";

/**
 * The part of a spec that says how what runs is asked, kept and stopped. No rule refuses it, so that it is known of a spec
 * which may not run as well.
 */
export type Upkeep = Pick<EffectiveSpec, "transport" | "restartPolicy" | "desiredState" | "health">;

/** Pure. */
export function upkeepOf({ spec }: Pick<RuntimeDeployment, "spec">, catalog?: CatalogLayer): Upkeep {
  const { transport: given, source } = layered(spec, catalog);
  const transport = transportOf(given, source);
  const { health } = spec;
  return {
    transport,
    restartPolicy: spec.restartPolicy,
    desiredState: spec.desiredState,
    health: {
      probe: health.probe,
      path: health.path ?? transport.path,
      periodMs: health.periodSeconds * 1000,
      timeoutMs: health.timeoutSeconds * 1000,
      failureThreshold: health.failureThreshold,
    },
  };
}
