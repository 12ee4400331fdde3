import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeBackend, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { TerminalError } from "../../machinery/errors.ts";

/**
 * Pure. The RuntimeBackend that a deployment runs on: the one it names; else the one it runs on already, so that another
 * default moves nobody; else the default.
 * @throws {TerminalError} where there is none, or it does not take this namespace.
 */
export function chooseBackend(deployment: RuntimeDeployment, backends: readonly RuntimeBackend[]): RuntimeBackend {
  const name = deployment.spec.backend;
  const chosen =
    name === undefined ? byDefault(deployment, backends) : backends.find((each) => each.metadata.name === name);
  if (!chosen)
    throw new TerminalError(
      Reason.BackendUnavailable,
      `RuntimeBackend "${name}" is not enabled: no such object; ${known(backends)}`,
    );

  const namespace = deployment.metadata.namespace ?? "";
  const allowed = chosen.spec.allowedNamespaces ?? [];
  if (allowed.length === 0 || allowed.includes(namespace)) return chosen;
  throw new TerminalError(
    Reason.BackendNotAllowed,
    `RuntimeBackend "${chosen.metadata.name}" takes deployments of the namespaces ${allowed.join(", ")} only, not of ${namespace}; use another spec.backend, or have its allowedNamespaces changed`,
  );
}

function byDefault(deployment: RuntimeDeployment, backends: readonly RuntimeBackend[]): RuntimeBackend {
  const recorded = deployment.status?.workload?.backend;
  if (recorded !== undefined) {
    const present = backends.find(({ metadata }) => metadata.name === recorded);
    if (present) return present;
    throw new TerminalError(
      Reason.BackendUnavailable,
      `RuntimeBackend "${recorded}", on which it runs, is not enabled: no such object; make it again, or set spec.backend; ${known(backends)}`,
    );
  }
  const [first, ...others] = backends.filter(({ spec }) => spec.default);
  if (!first)
    throw new TerminalError(
      Reason.BackendUnavailable,
      `no RuntimeBackend is the default; set spec.backend, or spec.default of one; ${known(backends)}`,
    );
  if (others.length === 0) return first;
  const names = [first, ...others].map(({ metadata }) => metadata.name).sort();
  throw new TerminalError(
    Reason.BackendUnavailable,
    `several RuntimeBackends are the default: ${names.join(", ")}; leave one, or set spec.backend`,
  );
}

function known(backends: readonly RuntimeBackend[]): string {
  return backends.length === 0
    ? "there is none"
    : `there are: ${backends
        .map(({ metadata }) => metadata.name)
        .sort()
        .join(", ")}`;
}
