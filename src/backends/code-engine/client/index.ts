export { type BudgetLimits, DEFAULT_BUDGET } from "./call-budget.ts";
export { type Clock, systemClock } from "./clock.ts";
export { appLogQuery, CloudLogs, type LogQuery } from "./cloud-logs.ts";
export { CodeEngineClient, type CodeEngineClientOptions, type ProjectQuery } from "./code-engine-client.ts";
export {
  API_VERSION,
  type Creatable,
  type Deletable,
  type Gettable,
  type Listable,
  type Patchable,
  type Replaceable,
  type Tagged,
} from "./collection.ts";
export { Confidential } from "./confidential.ts";
export type { Endpoints, LogsInstance, MonitoringInstance } from "./endpoints.ts";
export { CodeEngineError, type Failure, type FailureKind, isFailure } from "./errors.ts";
export { type MetricRange, Monitoring } from "./monitoring.ts";
export { ProjectClient } from "./project-client.ts";
export {
  appSelector,
  buildRunSelector,
  type ContainerUsage,
  type PodLogRequest,
  ProjectProxy,
  USER_CONTAINER,
} from "./project-proxy.ts";
export type * from "./resources/apps.ts";
export { subdomainOf } from "./resources/apps.ts";
export type * from "./resources/builds.ts";
export type * from "./resources/config.ts";
export type * from "./resources/container.ts";
export type * from "./resources/egress.ts";
export type * from "./resources/jobs.ts";
export type { LogRecord } from "./resources/log-records.ts";
export type { Pod } from "./resources/pods.ts";
export type { Project, ProjectStatus, ProjectStatusDetails } from "./resources/projects.ts";
export type { Sample, Series } from "./resources/samples.ts";
export { DEFAULT_RETRY, type RetryPolicy } from "./retry.ts";
export { amountOf } from "./rules/amount.ts";
export { CPU_MEMORY_PAIRS, type CpuMemoryPair, largestPairWithin, pairOf } from "./rules/cpu-memory.ts";
export { gitUrlTrouble, isSshUrl } from "./rules/git-url.ts";
export { imageReferenceTrouble } from "./rules/image-reference.ts";
export { mountPathTrouble } from "./rules/mount-path.ts";
export { appNameTrouble, configNameTrouble, keyTrouble, resourceNameTrouble } from "./rules/names.ts";
export type { Word } from "./shape.ts";
export type { CallOptions } from "./transport.ts";
