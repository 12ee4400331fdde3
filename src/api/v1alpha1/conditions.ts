/** Condition types of Slipway's kinds. Ready, Reconciling and Stalled follow kstatus. */
export const ConditionType = {
  Ready: "Ready",
  /** Present only while the controller has work to do. */
  Reconciling: "Reconciling",
  /** Present only while nothing moves without a person, or a newer revision fails. */
  Stalled: "Stalled",
  /** The spec can be run as it is. */
  Accepted: "Accepted",
  /** The image is there. */
  SourceReady: "SourceReady",
  /** The container runs. */
  WorkloadAvailable: "WorkloadAvailable",
  /** MCP answered at the last probe. */
  McpConnected: "McpConnected",
  /** Of a RuntimeBackend: it answers. */
  Available: "Available",
} as const;

/** Reasons of conditions and events. Those that users build on stand in docs/reference/conditions.md. */
export const Reason = {
  Connected: "Connected",
  ProbeSucceeded: "ProbeSucceeded",
  NotProbed: "NotProbed",
  Stopped: "Stopped",
  Deleting: "Deleting",
  Accepted: "Accepted",
  Pending: "Pending",
  ResolvingImage: "ResolvingImage",
  Pulling: "Pulling",
  Pulled: "Pulled",
  Creating: "Creating",
  Starting: "Starting",
  Stopping: "Stopping",
  Replacing: "Replacing",
  Verifying: "Verifying",
  Probing: "Probing",
  Started: "Started",
  Running: "Running",
  Completed: "Completed",
  Restarted: "Restarted",
  Recreated: "Recreated",
  Repaired: "Repaired",

  BackendUnavailable: "BackendUnavailable",
  /** The controller could not dial the ports that the backend publishes. */
  EndpointsNotReachable: "EndpointsNotReachable",
  BackendNotAllowed: "BackendNotAllowed",
  ImageNotFound: "ImageNotFound",
  ImagePullUnauthorized: "ImagePullUnauthorized",
  ImagePullFailed: "ImagePullFailed",
  RegistryNotAllowed: "RegistryNotAllowed",
  SourceNotSupported: "SourceNotSupported",
  InvalidSpec: "InvalidSpec",
  PortConflict: "PortConflict",
  SecretNotFound: "SecretNotFound",
  ConfigMapNotFound: "ConfigMapNotFound",
  VolumeNotAllowed: "VolumeNotAllowed",
  CrashLoopBackOff: "CrashLoopBackOff",
  OutOfMemory: "OutOfMemory",
  Exited: "Exited",
  StartFailed: "StartFailed",
  ProbeTimeout: "ProbeTimeout",
  ProbeRefused: "ProbeRefused",
  ProbeInvalidAnswer: "ProbeInvalidAnswer",
  BackendError: "BackendError",
} as const;

export type Reason = (typeof Reason)[keyof typeof Reason];
