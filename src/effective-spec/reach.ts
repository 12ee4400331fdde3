import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { BackendCapabilities, Scaling, Visibility } from "../backends/backend.ts";
import { TerminalError } from "../machinery/errors.ts";
import type { BackendDefaults } from "./limits.ts";

/** How many instances there are and who gets to them, as far as the backend has a choice. */
export interface Reach {
  readonly scaling: Scaling | undefined;
  readonly visibility: Visibility | undefined;
  /** What of that the spec asks for in vain, and what it costs, for people. */
  readonly reachNotes: readonly string[];
}

interface ReachBackend {
  readonly name: string;
  readonly reach?: Pick<BackendCapabilities, "scaling" | "visibilities"> | undefined;
  readonly defaults?: Pick<BackendDefaults, "scaling">;
}

const DEFAULT_CONCURRENCY = 100;
/** Seconds are an average of what others saw. */
const COLD_START =
  "cold start: the first request after a pause waits for an instance (about 17 s); spec.scaling.min: 1 keeps one";

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
  const bounds = scales ? boundsOf(scaling, backend.defaults?.scaling) : undefined;
  const reachNotes = [
    scaling && !scales ? `spec.scaling has no effect on RuntimeBackend "${backend.name}", which runs one instance` : [],
    bounds?.min === 0 ? COLD_START : [],
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
    scaling: bounds,
    visibility: visibilities.length > 0 ? visibility : undefined,
    reachNotes: backend.reach ? reachNotes : [],
  };
}

type Asked = NonNullable<RuntimeDeploymentSpec["scaling"]>;

/**
 * The deployment's own members, then the backend's, one by one; of a bound of its own and a default that exclude each other the
 * default gives way. Undefined where nobody asks for anything.
 */
function boundsOf(own: Asked | undefined, standard: Asked = {}): Scaling | undefined {
  if (!own && Object.keys(standard).length === 0) return undefined;
  const {
    concurrency = DEFAULT_CONCURRENCY,
    initial,
    downDelaySeconds,
    requestTimeoutSeconds,
  } = { ...standard, ...own };
  const most = own?.max ?? Number.POSITIVE_INFINITY;
  const min = own?.min ?? Math.min(standard.min ?? 1, most);
  const max = own?.max ?? Math.max(standard.max ?? 1, min, own?.initial ?? 0);
  return {
    min,
    max,
    concurrency,
    ...(initial !== undefined && { initial: Math.min(initial, max) }),
    ...(downDelaySeconds !== undefined && { downDelaySeconds }),
    ...(requestTimeoutSeconds !== undefined && { requestTimeoutSeconds }),
  };
}
