import type { ObjectKey } from "../../api/meta.ts";
import { formatKey } from "../../api/meta.ts";
import { ConditionType } from "../../api/v1alpha1/conditions.ts";
import {
  type GuardrailProfile,
  type RuntimeBackend,
  type RuntimeBackendStatus,
  type RuntimeDeployment,
  TEARDOWN_FINALIZER,
} from "../../api/v1alpha1/index.ts";
import type { BackendHealth, Owner } from "../../backends/backend.ts";
import { listing } from "../../guardrails/listing.ts";
import type { Clock } from "../../machinery/clock.ts";
import { getCondition } from "../../machinery/conditions.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { EventRecorder } from "../../machinery/event-recorder.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { Reconciler, Result } from "../../machinery/reconciler.ts";
import type { LiveBackend } from "../backend-registry.ts";
import { egressBound } from "./egress-bound.ts";
import { egressRival } from "./egress-rival.ts";
import type { LiveBackends } from "./live-backends.ts";
import { type BackendFacts, summarize } from "./status.ts";

export interface RuntimeBackendPorts {
  readonly backends: Lister<RuntimeBackend>;
  readonly deployments: Lister<RuntimeDeployment>;
  readonly profiles: Lister<GuardrailProfile>;
  /** Whether that profile ships with Slipway and is about to be installed. */
  readonly isInstalling: (profile: string) => boolean;
  /** Whether deployments of this namespace are known at all: what belongs to others is no orphan. */
  readonly isWatched: (namespace: string) => boolean;
  readonly live: LiveBackends;
  /** Writes nothing, and answers the same object, when the status is so already. */
  readonly writeStatus: (
    object: RuntimeBackend,
    status: RuntimeBackendStatus,
    signal: AbortSignal,
  ) => Promise<RuntimeBackend>;
  /** Looks at these deployments again. */
  readonly enqueue: (keys: readonly ObjectKey[]) => void;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often a backend that answers is asked. */
const UP_MS = 30_000;
/** The first and the longest wait between two questions to one that does not. */
const DOWN_FIRST_MS = 1_000;
const DOWN_MS = 10_000;
const HOUR_MS = 3_600_000;

/** Keeps one live backend for each RuntimeBackend, asks how it is, and removes what belongs to nobody. */
export class RuntimeBackendReconciler implements Reconciler {
  readonly #ports: RuntimeBackendPorts;
  /** How often each has failed to answer in a row. */
  readonly #silent = new Map<string, number>();
  /** When orphans were last searched for (monotonic), by instance. */
  readonly #swept = new Map<string, { instance: number; at: number }>();

  constructor(ports: RuntimeBackendPorts) {
    this.#ports = ports;
  }

  async reconcile({ name }: ObjectKey, signal: AbortSignal): Promise<Result> {
    const object = this.#ports.backends.get({ namespace: "", name });
    if (!object) return this.#gone(name);
    const { live, health, againInMs } = await this.#ask(object, signal);
    // Its deployments come first: they wait for a place to run, nobody waits for this status.
    if (!live || this.#ports.live.observed(name, health)) this.#ports.enqueue(this.#deploymentsOf(name));
    await this.#report(object, health, signal);
    if (live && health.available) {
      this.#silent.delete(name);
      const alive = new Set(this.#ports.deployments.list().map(({ metadata }) => metadata.uid));
      await this.#ports.live.forget((uid) => alive.has(uid));
      const sweepInMs = await this.#collectOrphans(object, live, signal);
      return { requeueAfterMs: Math.min(UP_MS, sweepInMs, againInMs) };
    }
    const failures = this.#silent.get(name) ?? 0;
    this.#silent.set(name, failures + 1);
    return { requeueAfterMs: Math.min(DOWN_FIRST_MS * 2 ** failures, DOWN_MS) };
  }

  /** The backend and its health; without a backend, why there is none. */
  async #ask(
    object: RuntimeBackend,
    signal: AbortSignal,
  ): Promise<{ live: LiveBackend | undefined; health: BackendHealth; againInMs: number }> {
    try {
      const live = await this.#ports.live.ensure(object);
      const againInMs = await this.#manageEgress(object, live, signal);
      return { live, health: await live.backend.health(signal), againInMs };
    } catch (error) {
      if (!(error instanceof TerminalError || error instanceof TransientError)) throw error;
      const { reason, message } = error;
      return {
        live: undefined,
        health: { available: false, reason, message, version: undefined, capabilities: undefined },
        againInMs: Number.POSITIVE_INFINITY,
      };
    }
  }

  /** Has the backend keep its rules for egress, where it has some. Answers when it wants to be asked again. */
  async #manageEgress(object: RuntimeBackend, { backend }: LiveBackend, signal: AbortSignal): Promise<number> {
    if (!backend.manageEgress) return Number.POSITIVE_INFINITY;
    const { backends, live, profiles } = this.#ports;
    const liveOf = async (each: RuntimeBackend) => (await live.ensure(each)).backend;
    const rival = await egressRival(object, { backends: backends.list(), liveOf }, signal);
    const { changes, againInMs } = await backend.manageEgress(rival ?? egressBound(object, profiles), signal);
    if (changes.length > 0) {
      const note = `changed what workloads here may reach: ${listing(changes)}`;
      this.#ports.events.record(object, { type: "Normal", reason: "EgressChanged", action: "ManageEgress", note });
    }
    return againInMs;
  }

  async #report(object: RuntimeBackend, health: BackendHealth, signal: AbortSignal): Promise<void> {
    const { writeStatus, events, clock } = this.#ports;
    const status = summarize(object, { health, ...this.#surroundings(object) }, clock.now());
    await writeStatus(object, status, signal);
    const told = [{ ...health, type: ConditionType.Available }, ...(health.aspects ?? [])];
    for (const { type, available, reason, message } of told) {
      if (getCondition(object.status?.conditions, type)?.reason === reason) continue;
      events.record(object, { type: available ? "Normal" : "Warning", reason, action: "Check", note: message });
    }
  }

  #surroundings({ metadata, spec }: RuntimeBackend): Omit<BackendFacts, "health"> {
    const defaults = this.#ports.backends.list().filter((each) => each.spec.default);
    const otherDefaults = spec.default
      ? defaults.map((each) => each.metadata.name).filter((each) => each !== metadata.name)
      : [];
    return {
      deployments: this.#deploymentsOf(metadata.name).length,
      otherDefaults: otherDefaults.sort(),
      missingBound: this.#isMissing(spec.guardrailsBound) ? spec.guardrailsBound : undefined,
    };
  }

  #isMissing(name = ""): boolean {
    const { profiles, isInstalling } = this.#ports;
    return name !== "" && !profiles.get({ namespace: "", name }) && !isInstalling(name);
  }

  /** Deployments that run on a backend, or name it, or wait for one. */
  #deploymentsOf(name: string): ObjectKey[] {
    const isDefault = this.#ports.backends.get({ namespace: "", name })?.spec.default ?? false;
    return this.#ports.deployments
      .list()
      .filter(({ spec, status }) => {
        const chosen = spec.backend ?? status?.workload?.backend;
        return chosen === name || status?.workload?.backend === name || (chosen === undefined && isDefault);
      })
      .map(({ metadata }) => ({ namespace: metadata.namespace ?? "", name: metadata.name }));
  }

  /** Answers when the next search is due. */
  async #collectOrphans(object: RuntimeBackend, live: LiveBackend, signal: AbortSignal): Promise<number> {
    const { live: backends, clock, deployments, isWatched, logger, events } = this.#ports;
    const settings = backends.settings(live.name)?.orphanCollection;
    if (!settings?.enabled) return Number.POSITIVE_INFINITY;
    const intervalMs = settings.intervalHours * HOUR_MS;
    const last = this.#swept.get(live.name);
    const now = clock.monotonicMs();
    const dueInMs = last?.instance === live.instance ? last.at + intervalMs - now : 0;
    if (dueInMs > 0) return dueInMs;
    // The uid decides: one that was deleted and made again under its name is another.
    const isAlive = ({ namespace, name, uid }: Owner) =>
      !isWatched(namespace) || deployments.get({ namespace, name })?.metadata.uid === uid;
    const removed = await live.backend.collectOrphans(isAlive, signal);
    this.#swept.set(live.name, { instance: live.instance, at: now });
    for (const owner of removed) {
      logger.info("removed what belonged to no deployment", {
        backend: live.name,
        owner: formatKey(owner),
        uid: owner.uid,
      });
    }
    if (removed.length > 0) {
      const note = `removed what was left of ${removed.length} deleted deployments: ${removed.map(formatKey).join(", ")}`;
      events.record(object, { type: "Normal", reason: "OrphansRemoved", action: "CollectOrphans", note });
    }
    return intervalMs;
  }

  /** Keeps the backend of a RuntimeBackend that was deleted until nothing has to be torn down there any more. */
  async #gone(name: string): Promise<Result> {
    this.#silent.delete(name);
    this.#swept.delete(name);
    const left = this.#deploymentsOf(name);
    this.#ports.enqueue(left);
    const begun = left.some((key) => hasFinalizer(this.#ports.deployments.get(key), TEARDOWN_FINALIZER));
    if (begun) return { requeueAfterMs: UP_MS };
    await this.#ports.live.retire(name);
    return {};
  }
}

function hasFinalizer(object: RuntimeDeployment | undefined, finalizer: string): boolean {
  return object?.metadata.finalizers?.includes(finalizer) ?? false;
}
