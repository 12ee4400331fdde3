import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { EffectiveSpec } from "./effective-spec.ts";
import { type CatalogLayer, layered } from "./layers.ts";

/**
 * The part of a spec that says how what runs is asked, kept and stopped. No rule refuses it, so that it is known of a spec
 * which may not run as well.
 */
export type Upkeep = Pick<EffectiveSpec, "transport" | "restartPolicy" | "desiredState" | "health">;

const DEFAULT_TRANSPORT = { type: "streamable-http", port: 8080 } as const;
const DEFAULT_PATH = { "streamable-http": "/mcp", sse: "/sse" } as const;

/** Pure. */
export function upkeepOf({ spec }: Pick<RuntimeDeployment, "spec">, catalog?: CatalogLayer): Upkeep {
  const { type, port, path: given } = { ...DEFAULT_TRANSPORT, ...layered(spec, catalog).transport };
  const path = given ?? DEFAULT_PATH[type];
  const { health } = spec;
  return {
    transport: { type, port, path },
    restartPolicy: spec.restartPolicy,
    desiredState: spec.desiredState,
    health: {
      probe: health.probe,
      path: health.path ?? path,
      periodMs: health.periodSeconds * 1000,
      timeoutMs: health.timeoutSeconds * 1000,
      failureThreshold: health.failureThreshold,
    },
  };
}
