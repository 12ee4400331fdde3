import { keyOf, type ObjectKey } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import {
  type McpGateway,
  type McpGatewayStatus,
  REGISTRATION_FINALIZER,
  type RuntimeDeployment,
} from "../../api/v1alpha1/index.ts";
import { backoffMs, jittered } from "../../machinery/backoff.ts";
import type { Clock } from "../../machinery/clock.ts";
import { getCondition } from "../../machinery/conditions.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { EventRecorder } from "../../machinery/event-recorder.ts";
import { hasFinalizer } from "../../machinery/finalizers.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Reconciler, Result } from "../../machinery/reconciler.ts";
import type { Problem } from "../registration/live-gateway.ts";
import type { Registration } from "../registration/status.ts";
import type { Connections } from "./connections.ts";
import { summarize } from "./status.ts";

export interface McpGatewayPorts {
  readonly gateways: Lister<McpGateway>;
  /** With `registrationIndexes`. */
  readonly deployments: Lister<RuntimeDeployment>;
  readonly connections: Connections;
  readonly writer: {
    /** Writes nothing, and answers the same object, when the status is so already. */
    status(gateway: McpGateway, status: McpGatewayStatus, signal: AbortSignal): Promise<McpGateway>;
    addFinalizer(gateway: McpGateway, signal: AbortSignal): Promise<McpGateway>;
    removeFinalizer(gateway: McpGateway, signal: AbortSignal): Promise<void>;
  };
  /** Looks at a deployment soon. */
  readonly enqueueDeployment: (key: ObjectKey) => void;
  readonly events: EventRecorder;
  readonly clock: Clock;
}

/** How often a gateway that answers is asked, spread over half that time. */
const UP_MS = 60_000;
const DOWN_FIRST_MS = 1_000;
const DOWN_MS = 30_000;

/** Keeps one client for each McpGateway, asks how it is, and holds it until nothing is registered there any more. */
export class McpGatewayReconciler implements Reconciler {
  readonly #ports: McpGatewayPorts;
  /** How often each has failed to answer in a row. */
  readonly #silent = new Map<string, number>();

  constructor(ports: McpGatewayPorts) {
    this.#ports = ports;
  }

  async reconcile({ name }: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { gateways, connections, writer } = this.#ports;
    const stored = gateways.get({ namespace: "", name });
    if (!stored) {
      this.#silent.delete(name);
      await connections.forget(name);
      this.#wake(name);
      return {};
    }
    const held = stored.metadata.deletionTimestamp === undefined;
    const gateway = held ? await writer.addFinalizer(stored, signal) : stored;
    const { problem, version, isNews } = await this.#ask(gateway, signal);
    if (isNews) this.#wake(name);
    const registrations = this.#registrations(name);
    const registered = registrations.filter(({ id }) => id !== undefined).length;
    await this.#report(gateway, { problem, version, registered }, signal);
    if (!held && registrations.length === 0 && hasFinalizer(gateway, REGISTRATION_FINALIZER)) {
      await writer.removeFinalizer(this.#ports.gateways.get({ namespace: "", name }) ?? gateway, signal);
      return {};
    }
    if (!problem) {
      this.#silent.delete(name);
      return { requeueAfterMs: jittered(UP_MS) };
    }
    const failures = this.#silent.get(name) ?? 0;
    this.#silent.set(name, failures + 1);
    return { requeueAfterMs: jittered(backoffMs(failures, DOWN_FIRST_MS, DOWN_MS)) };
  }

  async #ask(
    gateway: McpGateway,
    signal: AbortSignal,
  ): Promise<{ problem: Problem | undefined; version: string | undefined; isNews: boolean }> {
    const { connections } = this.#ports;
    const { name } = gateway.metadata;
    let problem: Problem | undefined;
    let version: string | undefined;
    let isNew = true;
    try {
      const connection = await connections.ensure(gateway);
      isNew = connection.isNew;
      version = await connection.client.check(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TerminalError || error instanceof TransientError)) throw error;
      problem = { reason: error.reason, message: error.message };
    }
    const isNews = connections.observed(name, problem);
    return { problem, version, isNews: isNew || isNews };
  }

  async #report(gateway: McpGateway, facts: Parameters<typeof summarize>[1], signal: AbortSignal): Promise<void> {
    const { writer, events, clock } = this.#ports;
    const status = summarize(gateway, facts, clock.now());
    const last = getCondition(gateway.status?.conditions, ConditionType.Available);
    const next = getCondition(status.conditions, ConditionType.Available);
    await writer.status(gateway, status, signal);
    if (!next || (last?.status === next.status && last.reason === next.reason)) return;
    const type = next.reason === Reason.GatewayAvailable ? "Normal" : "Warning";
    events.record(gateway, { type, reason: next.reason, action: "Connect", note: next.message });
  }

  /** Registrations there, those that may be none yet included. */
  #registrations(name: string): Registration[] {
    return this.#ports.deployments
      .byIndex("mcpGateway", name)
      .flatMap(({ status }) => status?.registrations?.filter(({ gateway }) => gateway === name) ?? []);
  }

  #wake(name: string): void {
    const { deployments, enqueueDeployment } = this.#ports;
    for (const deployment of deployments.byIndex("mcpGateway", name)) enqueueDeployment(keyOf(deployment));
  }
}
