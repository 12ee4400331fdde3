import type { RuntimeDeployment, RuntimeDeploymentStatus } from "../api/v1alpha1/index.ts";

/** Writes to the API server. Each answers the object as it is then. */
export interface DeploymentWriter {
  /** Writes nothing, and answers the same object, when the status is so already. */
  status(
    deployment: RuntimeDeployment,
    status: RuntimeDeploymentStatus,
    signal: AbortSignal,
  ): Promise<RuntimeDeployment>;
  addFinalizer(deployment: RuntimeDeployment, signal: AbortSignal): Promise<RuntimeDeployment>;
  /** Fine when the deployment is gone. */
  removeFinalizer(deployment: RuntimeDeployment, signal: AbortSignal): Promise<void>;
}
