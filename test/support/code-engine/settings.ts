/** How long things take, on the emulator's clock. */
export interface Timings {
  /** From `creating` to `preparing`, and from there to `active`. */
  readonly projectStepMs: number;
  /** From the answer to a delete until the resource is gone. */
  readonly deletionMs: number;
  /** A soft-deleted project can be restored for 7 days. */
  readonly softDeletionMs: number;
  /** Before a revision's first instance is asked for. */
  readonly schedulingMs: number;
  /** Until a simulated instance answers. */
  readonly instanceStartMs: number;
  /** Between tries while something that a revision needs is missing, and before a container starts again. */
  readonly retryMs: number;
  /** A revision that is not ready by then has failed. */
  readonly initialScaleDeadlineMs: number;
  /** Without requests for so long, plus `scale_down_delay`, instances go. */
  readonly idleMs: number;
  /** Until a build run, a job run, a domain mapping or an outbound destination has its next status. */
  readonly workStepMs: number;
  /** Until IBM Cloud Logs finds what was said; in reality 5 to 10 minutes. */
  readonly logLagMs: number;
  /** Between two samples of a metric. */
  readonly metricStepMs: number;
  /** Until IBM Cloud Monitoring knows a sample; in reality about 5 minutes. */
  readonly metricLagMs: number;
}

/** Long enough to be seen, short enough to be waited for. */
export const DEFAULT_TIMINGS: Timings = {
  projectStepMs: 1_000,
  deletionMs: 1_000,
  softDeletionMs: 7 * 24 * 3_600_000,
  schedulingMs: 200,
  instanceStartMs: 500,
  retryMs: 1_000,
  initialScaleDeadlineMs: 120_000,
  idleMs: 30_000,
  workStepMs: 1_000,
  logLagMs: 0,
  metricStepMs: 60_000,
  metricLagMs: 0,
};

export interface Quotas {
  readonly projects: number;
  readonly apps: number;
  readonly revisions: number;
  readonly builds: number;
  readonly buildRuns: number;
  /** At once. That there is a limit is known; this number is the emulator's own. */
  readonly concurrentBuildRuns: number;
  readonly jobs: number;
  readonly jobRuns: number;
  readonly secrets: number;
  readonly configMaps: number;
  readonly domainMappings: number;
  readonly dataStores: number;
  /** The emulator's own, too. */
  readonly outboundDestinations: number;
  readonly instances: number;
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly ephemeralBytes: number;
}

/** Per project, but `projects` per region. @see https://cloud.ibm.com/docs/codeengine?topic=codeengine-limits */
export const DEFAULT_QUOTAS: Quotas = {
  projects: 20,
  apps: 40,
  revisions: 120,
  builds: 100,
  buildRuns: 100,
  concurrentBuildRuns: 10,
  jobs: 100,
  jobRuns: 100,
  secrets: 100,
  configMaps: 100,
  domainMappings: 80,
  dataStores: 10,
  outboundDestinations: 100,
  instances: 250,
  cpu: 128,
  memoryBytes: 512e9,
  ephemeralBytes: 512e9,
};

/** What the documentation leaves open, or what only tests want; may change while the emulator runs. */
export interface Switches {
  /** Refuse members of bodies that nobody knows. */
  strictBodies: boolean;
  /** Whether `entity_tag` changes with the status, too. */
  statusMovesEntityTag: boolean;
}
