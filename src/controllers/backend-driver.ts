import type { Secret } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";
import type { RuntimeBackend } from "../api/v1alpha1/index.ts";
import type { FullBackend } from "../backends/backend.ts";
import type { ImagePlaces } from "../backends/image-resolver.ts";
import type { BackendDefaults } from "../effective-spec/effective-spec.ts";
import type { Logger } from "../machinery/logger.ts";

/** What the controllers read from the spec of a RuntimeBackend, whatever its type. */
export interface BackendSettings {
  readonly defaults: BackendDefaults;
  readonly orphanCollection: { readonly enabled: boolean; readonly intervalHours: number };
  /** Where its images come from, and the Secret among `secrets` whose `.dockerconfigjson` they are pulled with. */
  readonly images?: ImagePlaces & { readonly pullSecret?: ObjectKey };
  /** Secrets that the backend is made from, for example its TLS certificate. A change of one makes it anew. */
  readonly secrets: readonly ObjectKey[];
}

/**
 * One type of RuntimeBackend, as the composition root registers it under `spec.type`. The controllers know no type:
 * another one is another driver and nothing else.
 */
export interface BackendDriver {
  /** Pure. */
  settings(spec: RuntimeBackend["spec"]): BackendSettings;
  /**
   * Makes the backend without calling it. `secrets` are those that `settings` names, in that order.
   * @throws {TerminalError} when nothing can be made from this spec, for example a certificate that does not parse.
   */
  create(backend: Pick<RuntimeBackend, "metadata" | "spec">, secrets: readonly Secret[], logger: Logger): FullBackend;
}
