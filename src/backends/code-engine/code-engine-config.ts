import type { RuntimeBackendSpec } from "../../api/v1alpha1/index.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Fence } from "../../machinery/fence.ts";
import type { BudgetLimits } from "./client/call-budget.ts";

/** What a backend of type code-engine is made from. */
export interface CodeEngineConfig {
  /** Name of the RuntimeBackend. */
  readonly name: string;
  readonly spec: NonNullable<RuntimeBackendSpec["codeEngine"]>;
  readonly apiKey: string;
  /** Contents of the `.dockerconfigjson` of `spec.registrySecretRef`. */
  readonly dockerConfig: string | undefined;
  /** Tells this Slipway from others in the same project: the UID of the kube-system namespace. */
  readonly installation: string;
  /** Asked before anything is sent to IBM Cloud. */
  readonly fence?: Fence | undefined;
  readonly clock?: Clock;
  readonly budget?: BudgetLimits;
  readonly pace?: Pace;
}

/** How often the project is asked. Milliseconds. */
export interface Pace {
  /** Between two looks at what rests: one call lists all apps. */
  readonly restMs: number;
  /** Between two looks at an app that is on its way. IBM's own clients take no less than five seconds. */
  readonly busyMs: number;
  /** Longest that a stop waits for an app to be gone before it leaves that to later looks. */
  readonly goneMs: number;
}

/**
 * An app that is alone in its project costs nine lists of apps an hour and two of config maps: with what a health check may
 * need that stays within twelve calls.
 */
export const DEFAULT_PACE: Pace = { restMs: 420_000, busyMs: 5_000, goneMs: 10_000 };
