/** Condition types of Slipway's kinds. Ready, Reconciling and Stalled follow kstatus. */
export const ConditionType = {
  Ready: "Ready",
  /** Present only while the controller has work to do. */
  Reconciling: "Reconciling",
  /** Present only while nothing moves without a person, or a newer revision fails. */
  Stalled: "Stalled",
  /** The spec can be run as it is. */
  Accepted: "Accepted",
  /** The server runs under its guardrails, as far as its backend enforces them. */
  GuardrailsApplied: "GuardrailsApplied",
  /** The image is there. */
  SourceReady: "SourceReady",
  /** The container runs. */
  WorkloadAvailable: "WorkloadAvailable",
  /** MCP answered at the last probe. */
  McpConnected: "McpConnected",
  /** Every external gateway that it shall be registered with serves it. */
  Registered: "Registered",
  /** Those who were asked let this version run. Also of an Approval. */
  Approved: "Approved",
  /** Of an Approval: those who want to be told were. */
  Notified: "Notified",
  /** Of an ApprovalPolicy: the last notices of each channel arrived. */
  NotificationsDelivered: "NotificationsDelivered",
  /** Of an ApprovalPolicy, and only while it is false: what happens to approvals gets into the audit log. */
  Audited: "Audited",
  /** Of a RuntimeBackend: it answers. */
  Available: "Available",
  /** Of a RuntimeBackend: logs of instances that are no more can be read. */
  LogHistoryAvailable: "LogHistoryAvailable",
  /** Of a RuntimeBackend: it tells what workloads use. */
  UsageAvailable: "UsageAvailable",
  /** Of a RuntimeBackend: it tells what workloads were asked. */
  MetricsAvailable: "MetricsAvailable",
  /** Of a RuntimeBackend: the rules for egress that it keeps are in force. */
  EgressManaged: "EgressManaged",
} as const;

/** Reasons of conditions and events. Those that users build on stand in docs/reference/conditions.md. */
export const Reason = {
  Connected: "Connected",
  ProbeSucceeded: "ProbeSucceeded",
  NotProbed: "NotProbed",
  /** Its place says that it is ready, and the controller cannot ask it itself. */
  PlatformReady: "PlatformReady",
  /** It answered once, and is not asked again so that it can stay at no instance. */
  ScaledToZero: "ScaledToZero",
  /** Of McpConnected: its visibility keeps the controller out. */
  EndpointNotReachable: "EndpointNotReachable",
  Stopped: "Stopped",
  Deleting: "Deleting",
  Accepted: "Accepted",
  Pending: "Pending",
  ResolvingImage: "ResolvingImage",
  Pulling: "Pulling",
  Pulled: "Pulled",
  Building: "Building",
  BuildStarted: "BuildStarted",
  BuildSucceeded: "BuildSucceeded",
  Creating: "Creating",
  Starting: "Starting",
  Stopping: "Stopping",
  Replacing: "Replacing",
  Verifying: "Verifying",
  /** What serves ends when the requests under way at it have their answers. */
  Draining: "Draining",
  Probing: "Probing",
  Started: "Started",
  Running: "Running",
  Completed: "Completed",
  Restarted: "Restarted",
  Recreated: "Recreated",
  Repaired: "Repaired",

  /** Those who may approve it have not decided yet. */
  PendingApproval: "PendingApproval",
  Approved: "Approved",
  ApprovalRequested: "ApprovalRequested",
  ApprovalEscalated: "ApprovalEscalated",
  ApprovalRejected: "ApprovalRejected",
  ApprovalExpired: "ApprovalExpired",
  /** The deployment asks for something else by now, or is gone. */
  ApprovalSuperseded: "ApprovalSuperseded",
  /** Something was written without admission being asked, or may have been. */
  AdmissionMissing: "AdmissionMissing",
  /** Of an ApprovalPolicy: a rule of it can be evaluated by nobody, so it asks for approval of everything. */
  InvalidRule: "InvalidRule",
  NotificationsPending: "NotificationsPending",
  NotificationsDelivered: "NotificationsDelivered",
  NotificationsFailed: "NotificationsFailed",
  AuditLogFailed: "AuditLogFailed",

  Registered: "Registered",
  /** Was registered, and is not any more. */
  Unregistered: "Unregistered",
  /** Nothing is registered before the server is Ready. */
  WaitsForReady: "WaitsForReady",
  /** The external gateway takes its time. */
  RegistrationPending: "RegistrationPending",
  /** Its entry is switched off, since the server does not serve. */
  RegistrationInactive: "RegistrationInactive",
  /** Somebody else has the name or the URL there. */
  RegistrationConflict: "RegistrationConflict",
  /** The external gateway does not take it as it is. */
  RegistrationRefused: "RegistrationRefused",
  /** What is left at an external gateway was given up. */
  RegistrationAbandoned: "RegistrationAbandoned",
  /** The external gateway cannot reach the server at the URL that was registered. */
  ServerUnreachable: "ServerUnreachable",
  /** Of an external gateway, like the three that follow. */
  GatewayUnavailable: "GatewayUnavailable",
  GatewayUnauthorized: "GatewayUnauthorized",
  GatewayNotFound: "GatewayNotFound",
  GatewayNotAllowed: "GatewayNotAllowed",
  GatewayAvailable: "GatewayAvailable",

  BackendUnavailable: "BackendUnavailable",
  /** The controller could not dial the ports that the backend publishes. */
  EndpointsNotReachable: "EndpointsNotReachable",
  BackendNotAllowed: "BackendNotAllowed",
  ImageNotFound: "ImageNotFound",
  ImagePullUnauthorized: "ImagePullUnauthorized",
  ImagePullFailed: "ImagePullFailed",
  /** The registry has no such package, or no such version of it. */
  PackageNotFound: "PackageNotFound",
  /** Something of a package could change under its name. */
  PackageNotPinned: "PackageNotPinned",
  /** A package has nothing that could be run. */
  NoProgram: "NoProgram",
  /** Nothing of a package can be installed on this machine without running code of its own. */
  PackageNotInstallable: "PackageNotInstallable",
  NpmMissing: "NpmMissing",
  UvMissing: "UvMissing",
  /** No interpreter that a package could run with. */
  PythonMissing: "PythonMissing",
  /** The registry of packages does not answer. */
  RegistryUnavailable: "RegistryUnavailable",
  InstallFailed: "InstallFailed",
  /** Processes do not end by SIGKILL. */
  ProcessesLeft: "ProcessesLeft",
  RegistryNotAllowed: "RegistryNotAllowed",
  SourceNotSupported: "SourceNotSupported",
  BuildFailed: "BuildFailed",
  BuildTimeout: "BuildTimeout",
  /** The git repository lets the build not in. */
  BuildSourceUnauthorized: "BuildSourceUnauthorized",
  /** The registry does not take the image. */
  BuildPushUnauthorized: "BuildPushUnauthorized",
  InvalidSpec: "InvalidSpec",
  PortConflict: "PortConflict",
  /** The place gives no more of something. */
  QuotaExceeded: "QuotaExceeded",
  /** The rules for egress of the place are not yet what they shall be, so nothing starts. */
  EgressNotReady: "EgressNotReady",
  /** They are. */
  EgressInForce: "EgressInForce",
  /** They are, and hosts that its profile lists are closed all the same, since no rule can say them. */
  HostsLeftOut: "HostsLeftOut",
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

  /** The backend enforces every field of the profile. */
  GuardrailsEnforced: "GuardrailsEnforced",
  /** It enforces some only in part, or not. */
  GuardrailsPartlyEnforced: "GuardrailsPartlyEnforced",
  /** The profile was edited, and the workload is made anew. */
  GuardrailsChanged: "GuardrailsChanged",
  GuardrailProfileNotFound: "GuardrailProfileNotFound",
  GuardrailsTooWide: "GuardrailsTooWide",
  /** A profile is strict, and the backend cannot enforce a field of it. */
  GuardrailNotEnforced: "GuardrailNotEnforced",
  /** More is asked for than the profile's maximum. */
  LimitExceeded: "LimitExceeded",
  /** The profile lets nothing in, and the server is to be reached. */
  IngressClosed: "IngressClosed",
  SandboxUnavailable: "SandboxUnavailable",
  /** The profile wants another user than root, and the image has none. */
  RunsAsRoot: "RunsAsRoot",
} as const;

export type Reason = (typeof Reason)[keyof typeof Reason];
