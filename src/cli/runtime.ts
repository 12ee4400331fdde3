import { hostname } from "node:os";
import { namespaces } from "../api/core.ts";
import type { ApprovalLog } from "../audit/approval-log.ts";
import { TagResolver } from "../backends/images/tag-resolver.ts";
import { createControllers } from "../controllers/create-controllers.ts";
import { createExternalGateway } from "../external-gateways/create-external-gateway.ts";
import { deploymentDirectory } from "../gateway/deployment-directory.ts";
import { endpointPath } from "../gateway/directory.ts";
import { startGateway } from "../gateway/gateway.ts";
import { createKubeAccess, createKubeUseAccess } from "../gateway/kube-access.ts";
import { startHealthListener } from "../gateway/metrics-listener.ts";
import { systemClock } from "../machinery/clock.ts";
import { correlatedLogger } from "../machinery/correlation.ts";
import { ApiEventRecorder } from "../machinery/events.ts";
import type { KubeconfigSource } from "../machinery/kubeconfig.ts";
import type { Logger } from "../machinery/logger.ts";
import { Manager } from "../machinery/manager.ts";
import { Metrics } from "../machinery/metrics.ts";
import { registerProcessMetrics } from "../machinery/process-metrics.ts";
import { NO_TRACES } from "../machinery/tracer.ts";
import { createNotifier } from "../notifications/create-notifier.ts";
import { createProber } from "../probe/create-prober.ts";
import { startTracing } from "../telemetry/start-tracing.ts";
import { type ApiClients, createApiClients } from "./api-clients.ts";
import { type AuditDestination, auditWriter } from "./approval-audit.ts";
import type { AuditedAdmission } from "./audited-admission.ts";
import { backendDrivers } from "./backend-drivers.ts";
import { backendMetrics } from "./backend-metrics.ts";
import { controllerMetrics, readinessMetrics } from "./controller-metrics.ts";
import { DefaultObjects, readDefaults } from "./default-objects.ts";
import type { ElectionSettings } from "./election.ts";
import { fencedDrivers } from "./fenced-drivers.ts";
import { gatewayMetrics } from "./gateway-metrics.ts";
import { type GatewayFlags, gatewaySettings } from "./gateway-options.ts";
import { leaderMetrics } from "./leader-metrics.ts";
import type { ListenAddress } from "./listen-address.ts";
import { listening } from "./listen-error.ts";
import type { LoadOptions } from "./load-flags.ts";
import { notificationMetrics } from "./notification-metrics.ts";
import { observedDrivers } from "./observed-driver.ts";
import { ProcessDriver } from "./process-driver.ts";
import type { RuntimeParts } from "./runtime-parts.ts";
import { startWebhook, type WebhookSettings } from "./webhook.ts";
import { webhookMetrics } from "./webhook-metrics.ts";

export interface RuntimeOptions extends GatewayFlags {
  readonly kubeconfig: KubeconfigSource;
  /** Of `slipway up`: what belongs to this Slipway is below it. */
  readonly dataDir?: string;
  readonly gatewayListen: ListenAddress;
  readonly metricsListen: ListenAddress;
  readonly audit: RuntimeAudit;
  /** Serve admission to an API server that somebody else runs. */
  readonly webhook?: WebhookSettings;
  /** A folder, or file, of manifests that the leader applies. */
  readonly defaults?: string | undefined;
  /** Of several replicas one acts; absent: this process is alone. */
  readonly election?: ElectionSettings;
  /** What the API server is asked, and how much at once. */
  readonly load?: LoadOptions;
  readonly parts?: RuntimeParts;
  readonly logger: Logger;
  /** Aborted when the process shall end. */
  readonly stop: AbortSignal;
}

/** The audit log of approvals. */
export interface RuntimeAudit extends AuditDestination {
  readonly log: ApprovalLog;
  /** Where admission is in this process: what it refuses becomes an event of the object, too. */
  readonly admission?: AuditedAdmission;
}

export interface Runtime extends AsyncDisposable {
  readonly gatewayUrl: string;
  readonly metricsUrl: string;
  /** Absent where admission is not served. */
  readonly webhookUrl?: string;
  /** Aborted when another replica may lead in this one's place; absent where there is none. */
  readonly lost?: AbortSignal;
  /** Resolves when all controllers have drained after `stop`; rejects when one of them died. */
  readonly ended: Promise<void>;
}

/** The controllers with their listeners, against one API server: the same for `up` and for `controller`. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { stop } = options;
  const logger = correlatedLogger(options.logger);
  const clock = systemClock;
  await using stack = new AsyncDisposableStack();
  const tracing = stack.use(await startTracing({ part: "controllers", logger }));
  const tracer = tracing ?? NO_TRACES;
  const metrics = new Metrics();
  registerProcessMetrics(metrics);
  const { kubeApi, concurrency, watchNamespaces } = options.load ?? {};
  const apiClients: ApiClients = await createApiClients({
    ...{ kubeconfig: options.kubeconfig, limits: kubeApi, election: options.election },
    gatewayUrl: () => gateway.url,
    ...{ clock, logger, metrics, tracer },
  });
  const { client, acting, election } = stack.use(apiClients);
  // A cluster is known by the UID of this namespace.
  const { metadata } = await client.get(namespaces, { namespace: "", name: "kube-system" }, stop);
  const prober = stack.use(
    createProber({
      ...{ clock, logger: logger.child({ part: "probe" }), metrics, tracer },
      ...(options.parts?.makeProbe && { makeProbe: options.parts.makeProbe }),
      // Nothing is probed before the controllers run, which is after the gateway has begun to listen.
      gateway: () => ({ socketPath: gateway.probeSocket }),
    }),
  );
  const events = new ApiEventRecorder({
    ...{ client, clock, logger: logger.child({ part: "admission" }) },
    reportingController: "slipway.dev/admission",
    reportingInstance: hostname(),
  });
  const { admission, ...audit } = options.audit;
  if (admission) admission.events = events;
  const writer = auditWriter({
    ...{ ...audit, client, clock, metrics, identity: hostname() },
    logger: logger.child({ part: "audit" }),
  });
  // Ended last, after those who tell it what to run.
  const processes = stack.use(new ProcessDriver({ installation: metadata.uid, dataDir: options.dataDir }));
  const drivers = observedDrivers(
    fencedDrivers({ ...backendDrivers(metadata.uid, processes, election), ...options.parts?.drivers }, election),
    { called: backendMetrics(metrics), tracer },
  );
  const controllers = createControllers({
    client: acting,
    drivers,
    prober,
    clock,
    logger: logger.child({ part: "controllers" }),
    identity: hostname(),
    ...{ concurrency, watchNamespaces },
    publicUrl: (key) => `${options.gatewayUrl ?? gateway.url}${endpointPath(key)}`,
    drain: {
      drain: (key, isReplaced) => gateway.drain(key, isReplaced),
      resume: (key) => gateway.resume(key),
    },
    approvals: {
      images: new TagResolver(),
      notifier: createNotifier({
        ...{ clock, metrics: notificationMetrics(metrics), fence: election },
        logger: logger.child({ part: "notifications" }),
      }),
      audit: audit.log,
    },
    createGateway: (type, settings) => createExternalGateway(type, { ...settings, fence: election }),
    tracer,
    metrics: controllerMetrics(metrics, {
      ...{ clock, deployments: () => controllers.deployments.list() },
      backendTypes: Object.keys(drivers),
    }),
  });
  readinessMetrics(metrics, clock, controllers.deployments);
  leaderMetrics(metrics, () => election?.leader.isSelf ?? true);
  const certificateTaken = webhookMetrics(metrics);
  const webhook =
    options.webhook &&
    stack.use(
      await startWebhook({
        ...{ ...options.webhook, client, acting, clock, logger: logger.child({ part: "webhook" }) },
        ...{ caches: controllers.judged, observer: admission, watchNamespaces },
        certificateTaken,
      }),
    );
  const defaults =
    options.defaults === undefined
      ? []
      : [
          new DefaultObjects({
            ...{ client: acting, clock, logger: logger.child({ part: "defaults" }), path: options.defaults },
            manifests: await readDefaults(options.defaults),
            isJudged: () => webhook?.isAsked() ?? true,
          }),
        ];
  const manager = new Manager({ logger, clock })
    .add("services", events, writer)
    .add("caches", ...controllers.caches, ...(webhook?.serving ?? []))
    .add("leadership", ...(election ? [election] : []))
    .add("duties", ...controllers.services)
    .add("controllers", ...controllers.controllers, ...(webhook?.leading ?? []), ...defaults);

  const gateway = await listening("--gateway-listen", options.gatewayListen, () =>
    startGateway({
      listen: options.gatewayListen,
      logs: controllers.logs,
      usage: controllers.usage,
      access: createKubeAccess(client, clock),
      directory: deploymentDirectory(controllers.deployments, controllers.endpoints),
      streams: controllers.streams,
      useAccess: createKubeUseAccess(client),
      ...(election && { replicas: { leader: () => election.leader } }),
      clock,
      ...gatewaySettings(options),
      logger: logger.child({ part: "gateway" }),
    }),
  );
  stack.defer(() => gateway.close());
  gatewayMetrics(metrics, () => gateway.stats());
  const health = await listening("--metrics-listen", options.metricsListen, () =>
    startHealthListener({
      listen: options.metricsListen,
      ready() {
        const { ready, waitingFor } = manager.ready();
        return { ok: ready, reasons: waitingFor };
      },
      metrics: () => metrics.render(),
      logger: logger.child({ part: "metrics" }),
    }),
  );
  stack.defer(() => health.close());

  const ended = manager.run(stop);
  // Whoever awaits `ended` hears of a failure; until then it must not count as unhandled.
  ended.catch(() => undefined);
  const parts = stack.move();
  return {
    gatewayUrl: gateway.url,
    metricsUrl: health.url,
    ...(webhook && { webhookUrl: webhook.url }),
    ...(election && { lost: election.lost }),
    ended,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
