import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { BackendCapabilities, Scaling, Visibility } from "../backends/backend.ts";
import { TerminalError } from "../machinery/errors.ts";

/** How many instances there are and who gets to them, as far as the backend has a choice. */
export interface Reach {
  readonly scaling: Scaling | undefined;
  readonly visibility: Visibility | undefined;
  /** What of that the spec asks for in vain, for people. */
  readonly reachNotes: readonly string[];
}

interface ReachBackend {
  readonly name: string;
  readonly reach?: Pick<BackendCapabilities, "scaling" | "visibilities"> | undefined;
}

const DEFAULT_CONCURRENCY = 100;

/**
 * Pure. A backend without a choice runs one instance where its administrator says: a deployment that moves there keeps
 * its spec, and is told that these fields have no effect.
 * @throws {TerminalError} `InvalidSpec` for a visibility that a backend with a choice does not have.
 */
export function chooseReach(
  { scaling, exposure }: Pick<RuntimeDeploymentSpec, "scaling" | "exposure">,
  backend: ReachBackend,
): Reach {
  const { scaling: scales = false, visibilities = [] } = backend.reach ?? {};
  const visibility = exposure?.visibility;
  const reachNotes = [
    scaling && !scales ? `spec.scaling has no effect on RuntimeBackend "${backend.name}", which runs one instance` : [],
    visibility && visibilities.length === 0
      ? `spec.exposure.visibility has no effect on RuntimeBackend "${backend.name}", whose own spec says where it publishes`
      : [],
  ].flat();
  if (visibility && visibilities.length > 0 && !visibilities.includes(visibility))
    throw new TerminalError(
      Reason.InvalidSpec,
      `spec.exposure.visibility: "${visibility}": RuntimeBackend "${backend.name}" has ${visibilities.join(", ")} only`,
    );
  return {
    scaling: scaling && scales ? bounds(scaling) : undefined,
    visibility: visibilities.length > 0 ? visibility : undefined,
    reachNotes: backend.reach ? reachNotes : [],
  };
}

function bounds({
  min = 1,
  max = Math.max(1, min),
  concurrency = DEFAULT_CONCURRENCY,
}: NonNullable<RuntimeDeploymentSpec["scaling"]>): Scaling {
  return { min, max, concurrency };
}
