import type { RuntimeBackendSpec } from "../../api/v1alpha1/index.ts";
import type { Fence } from "../../machinery/fence.ts";
import type { EngineTls } from "./engine/engine-address.ts";

/** What a backend of type docker is made from. */
export interface DockerConfig {
  /** Name of the RuntimeBackend. */
  readonly name: string;
  readonly spec: NonNullable<RuntimeBackendSpec["docker"]>;
  /** Contents of the Secret that `spec.tlsSecretRef` names. */
  readonly tls?: EngineTls;
  /**
   * Tells this Slipway from others on the same Engine, whose orphans it must not judge: the UID of the kube-system
   * namespace, which is what Kubernetes knows a cluster by.
   */
  readonly installation: string;
  /** Whether this process has the loopback of the machine that it runs on: false in a pod. */
  readonly sharesLoopback: boolean;
  /** Asked before anything is sent to the Engine. */
  readonly fence?: Fence | undefined;
}
