import { once } from "node:events";
import type { Secret } from "../api/core.ts";
import { formatKey, keyOf, type ObjectKey } from "../api/meta.ts";
import {
  type McpGateway,
  mcpGateways,
  REGISTRATION_FINALIZER,
  type RuntimeDeployment,
  runtimeDeployments,
} from "../api/v1alpha1/index.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { Controller, type ControllerMetrics } from "../machinery/controller.ts";
import type { EventRecorder } from "../machinery/event-recorder.ts";
import { addFinalizer, removeFinalizer } from "../machinery/finalizers.ts";
import type { ChangeSource, Lister } from "../machinery/lister.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Runnable } from "../machinery/runnable.ts";
import { StatusPatcher } from "../machinery/status-patcher.ts";
import type { Tracer } from "../machinery/tracer.ts";
import { Connections, secretsOf } from "./mcp-gateway/connections.ts";
import { McpGatewayReconciler } from "./mcp-gateway/controller.ts";
import { RegistrationReconciler, registrationCause } from "./registration/controller.ts";
import type { ExternalGatewayFactory } from "./registration/external-gateway.ts";

export interface RegistrationControllersOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventRecorder;
  readonly fieldManager: string;
  readonly createGateway: ExternalGatewayFactory;
  /** The most objects of one kind that are reconciled at once. Default 8 deployments, and 4 gateways. */
  readonly concurrency?: number;
  /** With `registrationIndexes`. */
  readonly deployments: Lister<RuntimeDeployment> & ChangeSource<RuntimeDeployment>;
  readonly gateways: Lister<McpGateway> & ChangeSource<McpGateway>;
  readonly secrets: Lister<Secret> & ChangeSource<Secret>;
  readonly hashKey: (signal: AbortSignal) => Promise<Uint8Array>;
  readonly metrics?: { readonly gateways?: ControllerMetrics; readonly registrations?: ControllerMetrics } | undefined;
  readonly tracer?: Tracer | undefined;
}

export interface RegistrationControllers {
  readonly services: readonly Runnable[];
  readonly controllers: readonly Runnable[];
}

/** Registering takes a gateway as long as it takes to connect to the server, and a deployment may name eight. */
const RECONCILE_TIMEOUT_MS = 600_000;
/** Deployments that are registered at once, and gateways that are looked at, at most. */
const WORKERS = 8;
const GATEWAY_WORKERS = 4;
/** Deployments come in bursts; how many a gateway has is counted when one has passed. */
const COUNT_AFTER_MS = 2_000;

/** Wires what registers deployments with external gateways. */
export function createRegistrationControllers(options: RegistrationControllersOptions): RegistrationControllers {
  const { client, clock, logger, events, fieldManager, deployments, gateways, secrets, metrics } = options;
  const { concurrency = WORKERS } = options;
  const enqueueGateway = (name: string) => gatewayController.enqueue({ namespace: "", name });
  const enqueueDeployment = (key: ObjectKey) => registrationController.enqueue(key);
  const connections = new Connections({ create: options.createGateway, secrets, enqueue: enqueueGateway, clock });

  const gatewayStatus = new StatusPatcher({
    ...{ client, fieldManager, type: mcpGateways },
    fields: ["observedGeneration", "conditions", "registered", "version"],
  });
  const onGateway = { client, type: mcpGateways, finalizer: REGISTRATION_FINALIZER };
  const gatewayController = new Controller({
    ...{ name: "mcpgateway", logger, clock, workers: Math.min(concurrency, GATEWAY_WORKERS) },
    reconciler: new McpGatewayReconciler({
      ...{ gateways, deployments, connections, enqueueDeployment, events, clock },
      writer: {
        status: (gateway, status, signal) => gatewayStatus.patch(gateway, status, signal),
        addFinalizer: (gateway, signal) => addFinalizer(gateway, { ...onGateway, signal }),
        removeFinalizer: (gateway, signal) => removeFinalizer(gateway, { ...onGateway, signal }),
      },
    }),
    ...(metrics?.gateways && { metrics: metrics.gateways }),
    tracer: options.tracer,
  });

  // The deployment controller writes all else of that status; each writes the conditions that it read with its own in place,
  // and a resourceVersion that has moved refuses whoever was second.
  const deploymentStatus = new StatusPatcher({
    ...{ client, fieldManager, type: runtimeDeployments },
    fields: ["conditions", "registrations"],
  });
  const onDeployment = { client, type: runtimeDeployments, finalizer: REGISTRATION_FINALIZER };
  const registrationController = new Controller({
    ...{ name: "registration", logger, clock, reconcileTimeoutMs: RECONCILE_TIMEOUT_MS },
    workers: Math.min(concurrency, WORKERS),
    reconciler: new RegistrationReconciler({
      ...{ deployments, gateways, live: connections, events, hashKey: options.hashKey, clock },
      writer: {
        status: (deployment, status, signal) => deploymentStatus.patch(deployment, status, signal),
        addFinalizer: (deployment, signal) => addFinalizer(deployment, { ...onDeployment, signal }),
        removeFinalizer: (deployment, signal) => removeFinalizer(deployment, { ...onDeployment, signal }),
      },
    }),
    ...(metrics?.registrations && { metrics: metrics.registrations }),
    tracer: options.tracer,
  });

  connectRegistrations({ deployments, gateways, secrets }, { clock, enqueueGateway, enqueueDeployment });
  const closing: Runnable = {
    name: "external gateways",
    async run(stop, abort) {
      const over = AbortSignal.any([stop, abort]);
      if (!over.aborted) await once(over, "abort");
      await connections.close();
    },
  };
  return { services: [closing], controllers: [gatewayController, registrationController] };
}

/** Leads changes to the gateways and deployments that they concern. */
export function connectRegistrations(
  { deployments, gateways, secrets }: Pick<RegistrationControllersOptions, "deployments" | "gateways" | "secrets">,
  {
    clock,
    enqueueGateway,
    enqueueDeployment,
  }: { clock: Clock; enqueueGateway: (name: string) => void; enqueueDeployment: (key: ObjectKey) => void },
): void {
  let counting = false;
  const countSoon = () => {
    if (counting) return;
    counting = true;
    clock.schedule(COUNT_AFTER_MS, () => {
      counting = false;
      for (const { metadata } of gateways.list()) enqueueGateway(metadata.name);
    });
  };
  deployments.onChange((before, after) => {
    const object = after ?? before;
    if (object && registrationCause(before) !== registrationCause(after)) enqueueDeployment(keyOf(object));
    const places = (each: RuntimeDeployment | undefined) =>
      (each?.status?.registrations ?? []).map(({ gateway, id = "" }) => `${gateway}/${id}`).join(" ");
    if (places(before) !== places(after)) countSoon();
  });
  gateways.onChange((before, after) => {
    const { metadata } = after ?? before ?? {};
    const same = before?.metadata.generation === after?.metadata.generation;
    if (!metadata || (same && before?.metadata.deletionTimestamp === after?.metadata.deletionTimestamp)) return;
    enqueueGateway(metadata.name);
    for (const deployment of deployments.byIndex("mcpGateway", metadata.name)) enqueueDeployment(keyOf(deployment));
  });
  secrets.onChange((before, after) => {
    const object = after ?? before;
    if (!object) return;
    const key = formatKey(keyOf(object));
    for (const gateway of gateways.list()) if (secretsOf(gateway).includes(key)) enqueueGateway(gateway.metadata.name);
  });
}
