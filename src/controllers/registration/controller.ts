import type { ObjectKey } from "../../api/meta.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import { type McpGateway, REGISTRATION_FINALIZER, type RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { backoffMs, jittered } from "../../machinery/backoff.ts";
import type { Clock } from "../../machinery/clock.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { EventRecorder } from "../../machinery/event-recorder.ts";
import { hasFinalizer } from "../../machinery/finalizers.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Reconciler, Result } from "../../machinery/reconciler.ts";
import type { DeploymentWriter } from "../deployment-writer.ts";
import type { LiveGateway, LiveGateways } from "./live-gateway.ts";
import { RegistrationMemories, type RegistrationMemory } from "./memory.ts";
import { ownerTag } from "./naming.ts";
import { type Serving, servingOf } from "./serving.ts";
import { type Settled, settle, withdraw } from "./settle.ts";
import { type Registration, registrationNews, type Standing, summarize } from "./status.ts";

export interface RegistrationPorts {
  readonly deployments: Lister<RuntimeDeployment>;
  readonly gateways: Lister<McpGateway>;
  readonly live: LiveGateways;
  readonly writer: DeploymentWriter;
  readonly events: EventRecorder;
  /** The key of digests of secret values. */
  readonly hashKey: (signal: AbortSignal) => Promise<Uint8Array>;
  readonly clock: Clock;
}

/** A settled registration is looked at this often, spread over half that time: what somebody did there is found. */
const POLL_MS = 300_000;
const RETRY_BASE_MS = 1_000;
/** As many as the status has room for. */
const MOST_REGISTRATIONS = 16;
/** How long what is being deleted waits for a gateway that cannot be asked. */
export const PATIENCE_MS = 600_000;

/** One look at one deployment. */
interface Look {
  deployment: RuntimeDeployment;
  readonly memory: RegistrationMemory;
  readonly serving: Serving;
  readonly signal: AbortSignal;
  readonly standings: Standing[];
  readonly requeues: number[];
}

/**
 * Keeps one RuntimeDeployment registered with the external gateways that it names, from its first Ready to its end. What may
 * exist there stands in its status before it is made, and a finalizer holds it until that is gone.
 */
export class RegistrationReconciler implements Reconciler {
  readonly #ports: RegistrationPorts;
  readonly #memories = new RegistrationMemories();

  constructor(ports: RegistrationPorts) {
    this.#ports = ports;
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { deployments, clock } = this.#ports;
    const deployment = deployments.get(key);
    if (!deployment) {
      this.#memories.forget(key);
      return {};
    }
    const memory = this.#memories.of(deployment);
    const look: Look = {
      ...{ deployment, memory, signal, standings: [], requeues: [] },
      serving: servingOf(deployment, clock.now()),
    };
    const wanted = wantedOf(deployment);
    for (const name of new Set([...wanted, ...memory.registrations.keys()])) {
      if (wanted.has(name)) await this.#keep(look, name);
      else await this.#withdraw(look, name);
    }
    await this.#report(look);
    await this.#release(look, wanted);
    return look.requeues.length > 0 ? { requeueAfterMs: Math.max(1, Math.min(...look.requeues)) } : {};
  }

  async #keep(look: Look, name: string): Promise<void> {
    const { deployment, memory, serving, signal } = look;
    const gateway = this.#ports.gateways.get({ namespace: "", name });
    const refusal = refusalOf(deployment, gateway, name);
    if (!gateway || refusal) {
      if (memory.registrations.has(name)) await this.#withdraw(look, name);
      // What could not be removed says why itself.
      if (refusal && !look.standings.some((each) => each.gateway === name)) look.standings.push(refusal);
      return;
    }
    const isNew = !memory.registrations.has(name) && serving.kind === "serves" && isLive(this.#ports.live.get(gateway));
    if (isNew && memory.registrations.size >= MOST_REGISTRATIONS) {
      const message = "waits until an entry at another gateway, which it names no more, is removed";
      look.standings.push({ gateway: name, status: "False", reason: Reason.RegistrationPending, message });
      return;
    }
    if (isNew) await this.#intend(look, name);
    await this.#attempt(look, gateway, async (live) => {
      const registration = memory.registrations.get(name);
      const learn = (each: Registration) => void memory.registrations.set(name, each);
      const key = await this.#ports.hashKey(signal);
      return settle({ deployment: look.deployment, gateway, live, registration, serving, key, isNew, learn, signal });
    });
  }

  /** Nothing is made there before this stands. */
  async #intend(look: Look, name: string): Promise<void> {
    const { writer } = this.#ports;
    const { memory, signal } = look;
    look.deployment = await writer.addFinalizer(look.deployment, signal);
    const registrations = [...memory.registrations.values(), { gateway: name }];
    const conditions = look.deployment.status?.conditions ?? [];
    look.deployment = await writer.status(look.deployment, { registrations, conditions }, signal);
    memory.registrations.set(name, { gateway: name });
  }

  async #withdraw(look: Look, name: string): Promise<void> {
    const { deployment, memory, signal } = look;
    const registration = memory.registrations.get(name);
    const gateway = this.#ports.gateways.get({ namespace: "", name });
    if (!gateway) {
      this.#abandon(look, name, "its McpGateway is gone");
      return;
    }
    const done = await this.#attempt(look, gateway, (live) =>
      withdraw({ deployment, live, registration, name, learn: () => undefined, signal }),
    );
    if (done && !done.registration) {
      if (registration?.id !== undefined) {
        const note = `${name}: its entry "${registration.name}" is removed`;
        this.#ports.events.record(deployment, {
          type: "Normal",
          reason: Reason.Unregistered,
          action: "Unregister",
          note,
        });
      }
      return;
    }
    const live = this.#ports.live.get(gateway);
    if (!isLive(live) && !live.problem) return;
    const since = deployment.metadata.deletionTimestamp ?? gateway.metadata.deletionTimestamp;
    if (since === undefined) return;
    const leftMs = Date.parse(since) + PATIENCE_MS - this.#ports.clock.now().getTime();
    if (leftMs <= 0) this.#abandon(look, name, "the gateway could not be asked for ten minutes");
    else look.requeues.push(leftMs);
  }

  #abandon({ deployment, memory, standings }: Look, name: string, why: string): void {
    const { id, name: entry } = memory.registrations.get(name) ?? {};
    memory.registrations.delete(name);
    const at = standings.findIndex((each) => each.gateway === name);
    if (at >= 0) standings.splice(at, 1);
    const what = id === undefined ? "an entry that it may have" : `entry ${id} ("${entry}")`;
    const note = `${name}: ${what} is left there, since ${why}; it has the tag ${ownerTag(deployment)}`;
    this.#ports.events.record(deployment, {
      ...{ type: "Warning", reason: Reason.RegistrationAbandoned, action: "Unregister", note },
    });
  }

  /** Undefined where it came to nothing; the standing says why. */
  async #attempt(
    { memory, standings, requeues, signal }: Look,
    gateway: McpGateway,
    work: (live: LiveGateway) => Promise<Settled>,
  ): Promise<Settled | undefined> {
    const { name } = gateway.metadata;
    const live = this.#ports.live.get(gateway);
    const stand = (standing: Omit<Standing, "gateway">) => standings.push({ gateway: name, ...standing });
    const status = memory.registrations.get(name)?.id === undefined ? "False" : "Unknown";
    if (!isLive(live)) {
      // Its controller calls back when it can be asked.
      stand({ status, ...(live.problem ?? { reason: Reason.GatewayUnavailable, message: "it is not asked yet" }) });
      return undefined;
    }
    try {
      const settled = await work(live);
      memory.failures.delete(name);
      if (settled.registration) memory.registrations.set(name, settled.registration);
      else memory.registrations.delete(name);
      if (settled.standing) stand(settled.standing);
      if (settled.registration) requeues.push(settled.againInMs ?? jittered(POLL_MS));
      return settled;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TerminalError || error instanceof TransientError)) throw error;
      const { reason, message } = error;
      if (reason === Reason.GatewayUnavailable) this.#ports.live.suspect(name);
      const failures = memory.failures.get(name) ?? 0;
      memory.failures.set(name, failures + 1);
      const retryMs = backoffMs(failures, RETRY_BASE_MS, POLL_MS);
      const asked = error instanceof TransientError ? error.retryAfterMs : POLL_MS;
      requeues.push(jittered(Math.max(retryMs, asked ?? 0)));
      stand({ status: reason === Reason.GatewayUnavailable ? status : "False", reason, message });
      return undefined;
    }
  }

  /** One patch, none where nothing changed; then the event that goes with it. */
  async #report(look: Look): Promise<void> {
    const { writer, events, clock } = this.#ports;
    const { deployment, memory, standings, signal } = look;
    const status = summarize(deployment, [...memory.registrations.values()], standings, clock.now());
    look.deployment = await writer.status(deployment, status, signal);
    const news = registrationNews(deployment.status?.conditions, status.conditions);
    if (news) events.record(deployment, news);
  }

  async #release({ deployment, memory, signal }: Look, wanted: ReadonlySet<string>): Promise<void> {
    if (memory.registrations.size > 0 || wanted.size > 0 || !hasFinalizer(deployment, REGISTRATION_FINALIZER)) return;
    await this.#ports.writer.removeFinalizer(deployment, signal);
  }
}

function wantedOf({ metadata, spec }: RuntimeDeployment): ReadonlySet<string> {
  return new Set(metadata.deletionTimestamp ? [] : spec.registerWith?.map(({ name }) => name));
}

function isLive(live: ReturnType<LiveGateways["get"]>): live is LiveGateway {
  return "client" in live;
}

/** Why a deployment is not to be registered with a gateway that it names. */
function refusalOf(
  { metadata: { namespace = "" } }: RuntimeDeployment,
  gateway: McpGateway | undefined,
  name: string,
): Standing | undefined {
  const refused = (reason: string, message: string): Standing => ({ gateway: name, status: "False", reason, message });
  if (!gateway) return refused(Reason.GatewayNotFound, `there is no McpGateway "${name}"`);
  if (gateway.metadata.deletionTimestamp) return refused(Reason.GatewayNotFound, "its McpGateway is being deleted");
  const { allowedNamespaces = [] } = gateway.spec;
  return allowedNamespaces.length === 0 || allowedNamespaces.includes(namespace)
    ? undefined
    : refused(Reason.GatewayNotAllowed, `allowedNamespaces of the McpGateway lacks namespace "${namespace}"`);
}

/** What of a deployment its registrations depend on; undefined where it has none, and wants none. */
export function registrationCause(deployment: RuntimeDeployment | undefined): string | undefined {
  if (!deployment) return undefined;
  const { metadata, spec, status } = deployment;
  const concerned = (spec.registerWith?.length ?? 0) + (status?.registrations?.length ?? 0) > 0;
  if (!concerned && !hasFinalizer(deployment, REGISTRATION_FINALIZER)) return undefined;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const { uid, generation, deletionTimestamp = "" } = metadata;
  return [uid, generation, deletionTimestamp, ready?.status, ready?.lastTransitionTime, status?.url].join(" ");
}

/** Indexes of the deployments' cache that registrations need. */
export const registrationIndexes = {
  /** By McpGateway. */
  mcpGateway: ({ spec, status }: RuntimeDeployment) => [
    ...new Set([
      ...(spec.registerWith ?? []).map(({ name }) => name),
      ...(status?.registrations ?? []).map(({ gateway }) => gateway),
    ]),
  ],
};
