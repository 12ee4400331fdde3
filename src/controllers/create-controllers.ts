import { type ConfigMap, configMaps, type Namespace, namespaces, type Secret, secrets } from "../api/core.ts";
import { type KubeObject, keyOf, type ObjectKey, type ResourceType } from "../api/meta.ts";
import {
  type Approval,
  type ApprovalPolicy,
  approvalPolicies,
  approvals,
  type GuardrailProfile,
  guardrailProfiles,
  type McpGateway,
  mcpGateways,
  type RuntimeBackend,
  type RuntimeDeployment,
  runtimeBackends,
  runtimeDeployments,
  TEARDOWN_FINALIZER,
} from "../api/v1alpha1/index.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { Controller, type ControllerMetrics } from "../machinery/controller.ts";
import { ApiEventRecorder } from "../machinery/events.ts";
import { addFinalizer, removeFinalizer } from "../machinery/finalizers.ts";
import { dropManagedFields, type InformerMetrics } from "../machinery/informer.ts";
import type { ChangeSource, IndexFunction, Lister } from "../machinery/lister.ts";
import type { Logger } from "../machinery/logger.ts";
import { cacheOf } from "../machinery/namespaced-informers.ts";
import type { Runnable } from "../machinery/runnable.ts";
import { StatusPatcher } from "../machinery/status-patcher.ts";
import type { Tracer } from "../machinery/tracer.ts";
import type { Prober } from "../probe/prober.ts";
import type { BackendDriver } from "./backend-driver.ts";
import { type ApprovalServices, createApprovalControllers } from "./create-approval-controllers.ts";
import { createRegistrationControllers } from "./create-registration-controllers.ts";
import { EndpointTable } from "./endpoint-table.ts";
import { GuardrailProfileReconciler } from "./guardrail-profile/controller.ts";
import { install } from "./guardrail-profile/install.ts";
import { registrationIndexes } from "./registration/controller.ts";
import type { ExternalGatewayFactory } from "./registration/external-gateway.ts";
import { RuntimeBackendReconciler } from "./runtime-backend/controller.ts";
import { LiveBackends } from "./runtime-backend/live-backends.ts";
import type { RepairKind } from "./runtime-deployment/apply.ts";
import { RuntimeDeploymentReconciler } from "./runtime-deployment/controller.ts";
import type { Drain } from "./runtime-deployment/drainer.ts";
import { approvalIndexes } from "./runtime-deployment/gate/ports.ts";
import { deploymentIndexes, profileIndexes } from "./runtime-deployment/indexes.ts";
import { deploymentOf } from "./runtime-deployment/probing.ts";
import { SharedParts } from "./shared-parts.ts";
import { connect } from "./sources.ts";
import { HASH_KEY, KEY_NAMESPACE, StoredKey } from "./stored-key.ts";
import { WorkloadLogs } from "./workload-logs.ts";
import { WorkloadStreams } from "./workload-streams.ts";
import { WorkloadUsage } from "./workload-usage.ts";

export interface ControllersOptions {
  readonly client: KubeClient;
  /** The types of RuntimeBackend that are built in, by `spec.type`. */
  readonly drivers: Readonly<Record<string, BackendDriver>>;
  readonly prober: Prober;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The most objects of one kind that are reconciled at once. Default 16 deployments, and fewer of the other kinds, always. */
  readonly concurrency?: number | undefined;
  /** The only namespaces whose deployments, and what belongs to them, are there for the controllers. Default: all. */
  readonly watchNamespaces?: readonly string[] | undefined;
  /** Tells one process from another in events: the host name, or the pod's. */
  readonly identity: string;
  readonly approvals: ApprovalServices;
  /** Makes clients of the external gateways that servers are registered with. */
  readonly createGateway: ExternalGatewayFactory;
  /** What clients reach a deployment by. Asked for when controllers run, not before. */
  readonly publicUrl: (key: ObjectKey) => string;
  /** Called when controllers run, not before. */
  readonly drain: Drain;
  readonly metrics?: ControllersMetrics;
  readonly tracer?: Tracer;
}

/** Called synchronously. */
export interface ControllersMetrics {
  readonly deployments?: ControllerMetrics;
  readonly backends?: ControllerMetrics;
  readonly profiles?: ControllerMetrics;
  readonly approvals?: ControllerMetrics;
  readonly policies?: ControllerMetrics;
  readonly gateways?: ControllerMetrics;
  readonly registrations?: ControllerMetrics;
  eventDropped?(why: string): void;
  /** Of the cache of one resource, by its plural. */
  informer?(resource: string): InformerMetrics;
  /** Something that nobody asked for was put right, at a backend of this type. */
  repaired?(backendType: string, what: RepairKind): void;
}

/** What the composition root runs, by the manager's stages, and what it hands on. */
export interface Controllers {
  readonly services: readonly Runnable[];
  readonly caches: readonly Runnable[];
  readonly controllers: readonly Runnable[];
  /** What workloads print. */
  readonly logs: WorkloadLogs;
  /** What they use. */
  readonly usage: WorkloadUsage;
  /** Of workloads that are spoken to over their standard input and output. */
  readonly streams: WorkloadStreams;
  /** What is there now, for metrics and for the gateway. */
  readonly deployments: JudgedCache<RuntimeDeployment>;
  /** How workloads are reached of which their status does not tell. */
  readonly endpoints: EndpointTable;
  /** What admission reads. */
  readonly judged: JudgedCaches;
}

function workersOf({ concurrency = DEFAULT_CONCURRENCY }: ControllersOptions): number {
  return Math.min(concurrency, MAX_WORKERS);
}

/** Which objects are kept of a kind, and what of them. */
interface CacheScope<T> {
  readonly namespaces?: readonly string[] | undefined;
  readonly transform?: (object: T) => T;
}

type JudgedCache<T extends KubeObject> = Pick<Lister<T>, "get" | "list"> & ChangeSource<T>;

export interface JudgedCaches {
  readonly profiles: JudgedCache<GuardrailProfile>;
  readonly deployments: JudgedCache<RuntimeDeployment>;
  readonly backends: JudgedCache<RuntimeBackend>;
  readonly namespaces: JudgedCache<Namespace>;
  readonly policies: JudgedCache<ApprovalPolicy>;
  readonly secrets: JudgedCache<Secret>;
}

/** Field manager of every status, and the reporting controller of every event. */
const FIELD_MANAGER = "slipway-controller";
const REPORTER = "slipway.dev/controller";
const DEFAULT_CONCURRENCY = 16;
/** Of all kinds but deployments: there are few of them, or they wait for people. */
const MAX_WORKERS = 4;
/** A loaded Engine takes its time, and taking over from an earlier revision is a stop, two removals, a create and a start. */
const RECONCILE_TIMEOUT_MS = 600_000;
const STATUS_FIELDS = {
  deployment: [
    ...["observedGeneration", "phase", "conditions", "url", "approvalRef"],
    ...["workload", "build", "guardrails", "mcp"],
  ],
  backend: ["observedGeneration", "version", "capabilities", "deployments", "conditions"],
  profile: ["observedGeneration", "deployments", "backends"],
} as const;

/** Wires the controllers to one API server. Nothing runs until the manager starts the parts. */
export function createControllers(options: ControllersOptions): Controllers {
  const { client, drivers, prober, clock, logger } = options;
  const informer = <T extends KubeObject>(
    type: ResourceType<T>,
    indexes: Record<string, IndexFunction<T>> = {},
    { transform = dropManagedFields, namespaces }: CacheScope<T> = {},
  ) => {
    const metrics = options.metrics?.informer?.(type.plural);
    return cacheOf<T>(namespaces, { client, type, logger, clock, indexes, transform, ...(metrics && { metrics }) });
  };
  const { watchNamespaces } = options;
  const own = { namespaces: watchNamespaces };
  // What backends and profiles refer to may be in Slipway's own namespace, too.
  const referred = { namespaces: watchNamespaces && [...watchNamespaces, KEY_NAMESPACE] };
  const parts = new SharedParts();
  const slim = (deployment: RuntimeDeployment) => parts.share(dropManagedFields(deployment));
  // What a write answered is kept until the cache has it; one that changed nothing answers what the cache has.
  const slimmed = async (written: Promise<RuntimeDeployment>) => {
    const answered = await written;
    return Object.isFrozen(answered) ? answered : slim(answered);
  };
  const deployments = informer<RuntimeDeployment>(
    runtimeDeployments,
    { ...deploymentIndexes, ...registrationIndexes },
    { ...own, transform: slim },
  );
  const backends = informer<RuntimeBackend>(runtimeBackends);
  const profiles = informer<GuardrailProfile>(guardrailProfiles, profileIndexes);
  const namespaceCache = informer<Namespace>(namespaces);
  const secretCache = informer<Secret>(secrets, {}, referred);
  const configMapCache = informer<ConfigMap>(configMaps, {}, referred);
  const gatewayCache = informer<McpGateway>(mcpGateways);
  const policyCache = informer<ApprovalPolicy>(approvalPolicies);
  const approvalCache = informer<Approval>(approvals, approvalIndexes, own);

  const events = new ApiEventRecorder({
    client,
    logger,
    clock,
    reportingController: REPORTER,
    reportingInstance: options.identity,
    onDropped: (why) => options.metrics?.eventDropped?.(why),
  });
  const live = new LiveBackends({
    drivers,
    secrets: secretCache,
    logger,
    onChange: (owner) => deploymentController.enqueue({ namespace: owner.namespace, name: owner.name }),
    onSuspicion: (name) => backendController.enqueue({ namespace: "", name }),
  });

  const profileReconciler = new GuardrailProfileReconciler({
    profiles,
    deployments,
    backends,
    install: (shipped, stored, signal) => install(shipped, stored, { client, fieldManager: FIELD_MANAGER, signal }),
    writeStatus: (object, status, signal) => profileStatus.patch(object, status, signal),
    // Their own profile, or the one that bounds them.
    onRefused: () => {
      for (const deployment of deployments.list()) deploymentController.enqueue(keyOf(deployment));
    },
  });
  const profileStatus = new StatusPatcher({
    client,
    type: guardrailProfiles,
    fieldManager: FIELD_MANAGER,
    fields: STATUS_FIELDS.profile,
  });
  const profileController = new Controller({
    name: "guardrailprofile",
    reconciler: profileReconciler,
    logger,
    clock,
    workers: workersOf(options),
    ...(options.metrics?.profiles && { metrics: options.metrics.profiles }),
    tracer: options.tracer,
  });

  const asking = createApprovalControllers({
    ...{
      client,
      clock,
      logger,
      events,
      deployments,
      ...options.approvals,
      metrics: options.metrics,
      tracer: options.tracer,
      workers: workersOf(options),
    },
    fieldManager: FIELD_MANAGER,
    secrets: secretCache,
    policies: policyCache,
    approvals: approvalCache,
    enqueueDeployment: (key) => deploymentController.enqueue(key),
  });
  const deploymentStatus = new StatusPatcher({
    client,
    type: runtimeDeployments,
    fieldManager: FIELD_MANAGER,
    fields: STATUS_FIELDS.deployment,
  });
  const hashKey = new StoredKey(client, HASH_KEY);
  const endpoints = new EndpointTable();
  const finalizer = { client, type: runtimeDeployments, finalizer: TEARDOWN_FINALIZER };
  const reconciler = new RuntimeDeploymentReconciler({
    deployments,
    backends,
    secrets: secretCache,
    configMaps: configMapCache,
    profiles,
    namespaces: namespaceCache,
    isInstalling: (name) => profileReconciler.isInstalling(name),
    enqueue: (key) => deploymentController.enqueue(key),
    registry: live,
    prober,
    writer: {
      status: (deployment, status, signal) => slimmed(deploymentStatus.patch(deployment, status, signal)),
      addFinalizer: (deployment, signal) => slimmed(addFinalizer(deployment, { ...finalizer, signal })),
      removeFinalizer: (deployment, signal) => removeFinalizer(deployment, { ...finalizer, signal }),
    },
    events,
    hashKey: () => hashKey.get(),
    gate: asking.gate,
    publicUrl: options.publicUrl,
    endpoints,
    drain: options.drain,
    repaired: (backend, what) =>
      options.metrics?.repaired?.(backends.get({ namespace: "", name: backend })?.spec.type ?? "unknown", what),
    clock,
  });
  const deploymentController = new Controller({
    name: "runtimedeployment",
    reconciler,
    logger,
    clock,
    workers: options.concurrency ?? DEFAULT_CONCURRENCY,
    reconcileTimeoutMs: RECONCILE_TIMEOUT_MS,
    ...(options.metrics?.deployments && { metrics: options.metrics.deployments }),
    tracer: options.tracer,
  });

  const registering = createRegistrationControllers({
    ...{ client, clock, logger, events, deployments, metrics: options.metrics, tracer: options.tracer },
    fieldManager: FIELD_MANAGER,
    createGateway: options.createGateway,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    gateways: gatewayCache,
    secrets: secretCache,
    hashKey: () => hashKey.get(),
  });

  const backendStatus = new StatusPatcher({
    client,
    type: runtimeBackends,
    fieldManager: FIELD_MANAGER,
    fields: STATUS_FIELDS.backend,
  });
  const backendController = new Controller({
    name: "runtimebackend",
    reconciler: new RuntimeBackendReconciler({
      backends,
      deployments,
      profiles,
      isInstalling: (name) => profileReconciler.isInstalling(name),
      isWatched: (namespace) => watchNamespaces?.includes(namespace) ?? true,
      live,
      writeStatus: (object, status, signal) => backendStatus.patch(object, status, signal),
      enqueue: (keys) => {
        for (const key of keys) deploymentController.enqueue(key);
      },
      events,
      clock,
      logger,
    }),
    logger,
    clock,
    workers: workersOf(options),
    ...(options.metrics?.backends && { metrics: options.metrics.backends }),
    tracer: options.tracer,
  });

  connect(
    {
      deployments,
      backends,
      profiles,
      namespaces: namespaceCache,
      secrets: secretCache,
      configMaps: configMapCache,
      policies: policyCache,
      approvals: approvalCache,
    },
    {
      clock,
      deploymentController,
      approvalController: asking.approvalController,
      policyController: asking.policyController,
      forgetApprovals: (uid) => asking.forget(uid),
      backendController,
      profileController,
      isKnown: (deployment) => reconciler.knows(deployment),
      secretsOf: (backend) => drivers[backend.spec.type]?.settings(backend.spec).secrets ?? [],
    },
  );
  prober.onChange((key) => deploymentController.enqueue(deploymentOf(key)));
  return {
    services: [events, live, ...asking.services, ...registering.services],
    caches: [
      ...[deployments, backends, profiles, namespaceCache, secretCache, configMapCache],
      ...[policyCache, approvalCache, gatewayCache],
    ],
    controllers: [
      ...[deploymentController, backendController, profileController],
      ...[asking.approvalController, asking.policyController],
      ...registering.controllers,
    ],
    logs: new WorkloadLogs({ deployments, backends, registry: live }),
    usage: new WorkloadUsage({ deployments, backends, registry: live }),
    streams: new WorkloadStreams(live),
    deployments,
    endpoints,
    judged: {
      profiles,
      deployments,
      backends,
      namespaces: namespaceCache,
      policies: policyCache,
      secrets: secretCache,
    },
  };
}
