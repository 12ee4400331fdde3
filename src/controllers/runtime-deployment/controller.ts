import type { ConfigMap, Namespace, Secret } from "../../api/core.ts";
import { formatKey, type ObjectKey, parseKey } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import {
  type GuardrailProfile,
  type RuntimeBackend,
  type RuntimeDeployment,
  TEARDOWN_FINALIZER,
} from "../../api/v1alpha1/index.ts";
import { recordedEndpoint } from "../../backends/recorded-endpoint.ts";
import { instanceOf } from "../../backends/workload-endpoint.ts";
import { jittered } from "../../machinery/backoff.ts";
import { isReason } from "../../machinery/client.ts";
import type { Clock } from "../../machinery/clock.ts";
import { getCondition } from "../../machinery/conditions.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { EventRecorder } from "../../machinery/event-recorder.ts";
import { hasFinalizer } from "../../machinery/finalizers.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Reconciler, Result } from "../../machinery/reconciler.ts";
import type { Prober } from "../../probe/prober.ts";
import type { BackendRegistry } from "../backend-registry.ts";
import type { DeploymentWriter } from "../deployment-writer.ts";
import type { EndpointTable } from "../endpoint-table.ts";
import type { RepairKind } from "./apply.ts";
import { isAsleep, letSleep } from "./asleep.ts";
import { converge } from "./converge.ts";
import { decide } from "./decide.ts";
import { type Drain, Drainer } from "./drainer.ts";
import { endBuild } from "./end-build.ts";
import { unrecorded } from "./endpoint.ts";
import { enforceBounds } from "./enforce-bounds.ts";
import { passGate } from "./gate/gate.ts";
import type { ApprovalGate } from "./gate/ports.ts";
import { isHeld } from "./gate/version.ts";
import type { GuardrailSources } from "./guardrail-sources.ts";
import { news, repairs } from "./happenings.ts";
import { caughtUp, isKnown, Memories, newest, wrote } from "./memory.ts";
import { observeFormer } from "./moving.ts";
import { follow, probeKey, probeTarget } from "./probing.ts";
import { factsOf } from "./report.ts";
import { prepareRevision } from "./revision.ts";
import { currentOf, isMoving, isProbed, lookAgain, newScope, type Scope } from "./scope.ts";
import { recordedUpkeep, servedSpec } from "./served-spec.ts";
import { setBack } from "./set-back.ts";
import { summarize } from "./status.ts";
import { placesOf, tearDown } from "./teardown.ts";
import { Turns } from "./turns.ts";
import type { Surroundings } from "./wiring.ts";

export interface RuntimeDeploymentPorts {
  readonly deployments: Lister<RuntimeDeployment>;
  readonly backends: Lister<RuntimeBackend>;
  readonly secrets: Lister<Secret>;
  readonly configMaps: Lister<ConfigMap>;
  readonly profiles: Lister<GuardrailProfile>;
  readonly namespaces: Lister<Namespace>;
  /** Whether that profile ships with Slipway and is about to be installed. */
  readonly isInstalling: (profile: string) => boolean;
  /** Looks at a deployment soon. */
  readonly enqueue: (key: ObjectKey) => void;
  readonly registry: BackendRegistry;
  readonly prober: Prober;
  readonly writer: DeploymentWriter;
  readonly events: EventRecorder;
  readonly hashKey: (signal: AbortSignal) => Promise<Uint8Array>;
  readonly gate: ApprovalGate;
  /** What clients reach a deployment by. Asked for when something is reconciled, not before. */
  readonly publicUrl: (key: ObjectKey) => string;
  /** Told of how what runs is reached, where no status can say it. */
  readonly endpoints: Pick<EndpointTable, "set" | "delete">;
  readonly drain: Drain;
  /** Told of what was put right that nobody asked for, by the name of the backend. */
  readonly repaired?: (backend: string, what: RepairKind) => void;
  readonly clock: Clock;
}

/** A deployment is looked at this often at least, spread over half that time: whatever event was lost, drift is found. */
const RESYNC_MS = 600_000;
/** The same where probes tell of what does not answer. Ten thousand of these cost seven looks a second. */
const PROBED_RESYNC_MS = 1_800_000;

/**
 * Drives the workload of one RuntimeDeployment to its spec and reports what is true: phases in order, each adding to the
 * scope what it found; then one status patch, whatever happened. Deciding is left to the pure modules beside it.
 */
export class RuntimeDeploymentReconciler implements Reconciler {
  readonly #ports: RuntimeDeploymentPorts;
  readonly #memories = new Memories();
  readonly #turns: Turns;
  readonly #drainer: Drainer;
  readonly #phases: readonly ((scope: Scope) => Promise<void>)[];

  constructor(ports: RuntimeDeploymentPorts) {
    this.#ports = ports;
    const { clock, prober, registry, hashKey } = ports;
    const turns = new Turns((key) => ports.enqueue(parseKey(key)));
    this.#turns = turns;
    const drainer = new Drainer(ports.drain, clock, ports.enqueue);
    this.#drainer = drainer;
    const sources: GuardrailSources = ports;
    const surroundings: Surroundings = ports;
    const objects = (namespace: string) => ({
      secret: (name: string) => ports.secrets.get({ namespace, name }),
      configMap: (name: string) => ports.configMaps.get({ namespace, name }),
      configMapOf: (key: ObjectKey) => ports.configMaps.get(key),
    });
    const finalizer = (scope: Scope) => this.#addFinalizer(scope);
    this.#phases = [
      async (scope) => decide(scope, { registry, sources }),
      (scope) => passGate(scope, { gate: ports.gate, registry, sources, clock, objects }),
      (scope) => this.#observe(scope),
      (scope) => enforceBounds(scope, { registry, sources, surroundings, objects, hashKey }),
      (scope) => this.#probe(scope),
      (scope) => endBuild(scope, ports),
      (scope) => prepareRevision(scope, { clock, surroundings, objects, hashKey, finalizer }),
      (scope) => converge(scope, { clock, prober, registry, sources, turns, drainer, repaired: ports.repaired }),
      (scope) => this.#probe(scope),
    ];
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const cached = this.#ports.deployments.get(key);
    if (!cached) {
      this.#forget(key);
      return {};
    }
    const memory = this.#memories.of(cached);
    const scope = newScope(newest(cached, memory), memory, signal);
    try {
      if (scope.deployment.metadata.deletionTimestamp) await this.#delete(scope);
      else await this.#converge(scope);
    } catch (error) {
      // Gone in the meantime: its last event is on the way.
      if (!isReason(error, "NotFound")) throw error;
    }
    const { live, failure, requeues } = scope;
    // A backend that is known to be away is asked again anyway.
    if (failure?.kind === "unreachable" && live?.health?.available !== false && live)
      this.#ports.registry.suspect(live.name);
    return { requeueAfterMs: Math.max(1, Math.min(jittered(resyncMs(scope)), ...requeues)) };
  }

  /** Whether this controller knows a version already that has come into the cache: it wrote it, or replaced it. */
  knows(deployment: RuntimeDeployment): boolean {
    const memory = this.#memories.of(deployment);
    const known = isKnown(memory, deployment);
    caughtUp(memory, deployment);
    return known;
  }

  async #converge(scope: Scope): Promise<void> {
    for (const phase of this.#phases) {
      await phase(scope);
      // Nothing is started beside what may not run.
      if (scope.stuck) break;
    }
    if (scope.early) return;
    await this.#report(scope, (facts) => facts);
  }

  async #observe(scope: Scope): Promise<void> {
    const { live, deployment, signal } = scope;
    if (!live) return;
    // Nothing of it is outside, and nothing may be before somebody said yes: how its backend is does not matter yet.
    if (isHeld(scope) && !hasFinalizer(deployment, TEARDOWN_FINALIZER)) {
      scope.observed = [];
      return;
    }
    try {
      if (live.health?.available === false) throw new TransientError(Reason.BackendUnavailable, live.health.message);
      // Nothing is made outside before the finalizer stands, so there is nothing to look for.
      scope.observed = hasFinalizer(deployment, TEARDOWN_FINALIZER)
        ? await live.backend.observe(scope.owner, signal)
        : [];
      if (isMoving(scope)) await observeFormer(scope, this.#ports);
    } catch (error) {
      setBack(scope, this.#ports.clock, error);
    }
  }

  async #probe(scope: Scope): Promise<void> {
    const { prober } = this.#ports;
    const { observed, upkeep, owner, deployment } = scope;
    if (observed) {
      const current = currentOf(observed) ?? scope.former?.workload;
      const candidate = observed.find(({ role }) => role === "candidate");
      const awake = current && !isAsleep(scope, current) ? current : undefined;
      const { name: backend = "" } = scope.live ?? {};
      follow(prober, owner, awake, awake ? servedSpec(scope, awake) : upkeep, { role: "current", backend });
      follow(prober, owner, candidate, upkeep, { role: "candidate", backend });
      return;
    }
    // The backend does not answer; the server may. What the status says is enough to go on asking it.
    const { workload } = deployment.status ?? {};
    const known = recordedEndpoint(deployment);
    if (!known || workload?.id === undefined || prober.verdict(probeKey(owner, "current"))) return;
    const ready = getCondition(deployment.status?.conditions, ConditionType.Ready);
    if (ready?.reason === Reason.PlatformReady || ready?.reason === Reason.ScaledToZero) return;
    const { host: address, protocol } = new URL(known.url);
    const secure = protocol === "https:";
    const target = probeTarget(
      { id: workload.id, startedAt: workload.startedAt, address, secure },
      recordedUpkeep(deployment, upkeep),
      workload.backend ?? "",
    );
    if (target) prober.watch(probeKey(owner, "current"), target);
  }

  async #delete(scope: Scope): Promise<void> {
    const { owner, deployment } = scope;
    this.#stopProbing(owner);
    this.#turns.giveBack(formatKey(owner), this.#ports.clock.monotonicMs());
    if (!hasFinalizer(deployment, TEARDOWN_FINALIZER)) return;
    const { backends, registry, clock, events, writer } = this.#ports;
    const exists = (name: string) => backends.get({ namespace: "", name }) !== undefined;
    const names = placesOf(deployment, backends.list(), registry.strays(owner.uid));
    // Shortly after the start. The controller of the backends calls back when they stand.
    if (names.some((name) => exists(name) && !registry.get(name) && registry.problem(name) === undefined)) return;
    if (deployment.status?.phase !== "Deleting") {
      const deleting = { reason: Reason.Deleting, message: "what runs outside is being removed" };
      await this.#report(scope, (facts) => ({ ...facts, deleting }));
    }
    if (await this.#waitsForClients(scope)) return;
    const teardown = await tearDown(scope, names, { clock, registry, exists });
    if (teardown.kind === "waiting") {
      const deleting = { reason: scope.failure?.reason ?? Reason.Deleting, message: teardown.message };
      await this.#report(scope, (facts) => ({ ...facts, deleting }));
      return;
    }
    for (const name of teardown.abandoned) {
      const note = `RuntimeBackend "${name}" is gone; what ran there could not be removed. Should it come back, its orphan collection removes it`;
      events.record(scope.deployment, { type: "Warning", reason: Reason.BackendUnavailable, action: "Delete", note });
    }
    await writer.removeFinalizer(scope.deployment, scope.signal);
  }

  /** Whether clients still wait for answers of what is to be removed. */
  async #waitsForClients(scope: Scope): Promise<boolean> {
    const { id, startedAt } = scope.deployment.status?.workload ?? {};
    if (id === undefined) return false;
    const waitMs = await this.#drainer.waitMs(scope.owner, instanceOf({ id, startedAt }), false);
    if (waitMs > 0) lookAgain(scope, waitMs);
    return waitMs > 0;
  }

  /** One patch, none where nothing changed; then the events that go with it. */
  async #report(scope: Scope, amend: (facts: ReturnType<typeof factsOf>) => ReturnType<typeof factsOf>): Promise<void> {
    const { writer, events, clock } = this.#ports;
    const facts = amend(factsOf(scope, this.#ports));
    const status = summarize(scope.deployment, facts, clock.now());
    const before = scope.deployment;
    // These have happened, whatever becomes of the status.
    for (const note of [...repairs(scope.incidents), ...scope.notes]) events.record(before, note);
    const after = await writer.status(before, status, scope.signal);
    if (after !== before) this.#remember(scope, after);
    for (const note of news(before.status, status)) events.record(before, note);
    if (facts.observed) this.#ports.endpoints.set(scope.owner, scope.owner.uid, unrecorded(facts));
    letSleep(scope, facts.current, this.#ports.prober);
  }

  async #addFinalizer(scope: Scope): Promise<void> {
    const after = await this.#ports.writer.addFinalizer(scope.deployment, scope.signal);
    if (after !== scope.deployment) this.#remember(scope, after);
  }

  #remember(scope: Scope, object: RuntimeDeployment): void {
    wrote(scope.memory, scope.deployment, object);
    scope.deployment = object;
  }

  #forget(key: ObjectKey): void {
    this.#memories.forget(key);
    this.#ports.endpoints.delete(key);
    this.#drainer.forget(key);
    this.#turns.giveBack(formatKey(key), this.#ports.clock.monotonicMs());
    this.#stopProbing(key);
  }

  #stopProbing(key: ObjectKey): void {
    this.#ports.prober.forget(probeKey(key, "current"));
    this.#ports.prober.forget(probeKey(key, "candidate"));
  }
}

function resyncMs({ observed, upkeep }: Scope): number {
  const current = observed && currentOf(observed);
  return current && isProbed(current, upkeep) ? PROBED_RESYNC_MS : RESYNC_MS;
}
