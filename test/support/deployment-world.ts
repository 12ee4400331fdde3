import { randomUUID } from "node:crypto";
import type { ConfigMap, Namespace, Secret } from "../../src/api/core.ts";
import { formatKey, type KubeObject, keyOf, type ObjectKey, type StatusFailure } from "../../src/api/meta.ts";
import {
  type Approval,
  type ApprovalPolicy,
  GUARDRAILS_BOUND_LABEL,
  type GuardrailProfile,
  type GuardrailProfileSpec,
  REQUESTERS_ANNOTATION,
  type RuntimeBackend,
  type RuntimeDeployment,
  type RuntimeDeploymentSpec,
  type RuntimeDeploymentStatus,
  TEARDOWN_FINALIZER,
} from "../../src/api/v1alpha1/index.ts";
import { stampDecision } from "../../src/approvals/decisions.ts";
import { stampRequester } from "../../src/approvals/requesters.ts";
import { isSealed } from "../../src/approvals/seal.ts";
import type { StampKeys } from "../../src/approvals/stamp-keys.ts";
import { stateOf } from "../../src/approvals/state.ts";
import type { Backend, BackendHealth } from "../../src/backends/backend.ts";
import type { ImageResolver } from "../../src/backends/image-resolver.ts";
import { REMOTE_CAPABILITIES, RemoteBackend } from "../../src/backends/remote/remote-backend.ts";
import type { LiveBackend } from "../../src/controllers/backend-registry.ts";
import { EndpointTable } from "../../src/controllers/endpoint-table.ts";
import { RuntimeDeploymentReconciler } from "../../src/controllers/runtime-deployment/controller.ts";
import type { Drain } from "../../src/controllers/runtime-deployment/drainer.ts";
import {
  type AdmissionState,
  type ApprovalGate,
  approvalIndexes,
} from "../../src/controllers/runtime-deployment/gate/ports.ts";
import { deploymentIndexes, profileIndexes } from "../../src/controllers/runtime-deployment/indexes.ts";
import { deploymentOf } from "../../src/controllers/runtime-deployment/probing.ts";
import { connect } from "../../src/controllers/sources.ts";
import { BUILT_IN_PROFILES, builtInProfile } from "../../src/guardrails/built-in.ts";
import { ApiError } from "../../src/machinery/client.ts";
import { Controller } from "../../src/machinery/controller.ts";
import { TransientError } from "../../src/machinery/errors.ts";
import type { EventNote } from "../../src/machinery/event-recorder.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryBackend, type MemoryBackendOptions } from "./memory-backend.ts";
import { ENGINE_CAPABILITIES, MemoryEngine } from "./memory-engine.ts";
import { MemoryProber } from "./memory-prober.ts";
import { MemoryStore } from "./memory-store.ts";
import { recordingLogger } from "./recording-logger.ts";

export const KEY: ObjectKey = { namespace: "team-a", name: "files" };
const KEY_BYTES = Buffer.alloc(32, 7);
/** Where the gateway would serve a deployment. */
export const publicUrl = ({ namespace, name }: ObjectKey): string => `http://gateway.test/${namespace}/${name}/mcp`;
/** No client has anything under way. */
export const NO_CLIENTS: Drain = { drain: async () => undefined, resume: () => undefined };
export const IMAGE = "registry.test/files:1";

type DeepPartial<T> = T extends object ? { [K in keyof T]?: DeepPartial<T[K]> } : T;

/** A spec as the API server stores it, defaults included. Unrestricted unless a test asks for more. */
export function deploymentSpec(patch: DeepPartial<RuntimeDeploymentSpec> = {}): RuntimeDeploymentSpec {
  const { source, transport, health, ...rest } = patch;
  return {
    source: source?.git
      ? { git: { dockerfile: "Dockerfile", timeoutSeconds: 600, ...source.git } }
      : source?.remote
        ? { remote: source.remote }
        : { image: { reference: IMAGE, pullPolicy: "IfNotPresent", ...source?.image } },
    transport: { type: "streamable-http", port: 8080, ...transport },
    guardrails: { profile: "unrestricted" },
    desiredState: "Running",
    restartPolicy: "Always",
    health: { probe: "mcp", periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3, ...health },
    ...rest,
  } as RuntimeDeploymentSpec;
}

/** One life of the controller: everything that a crash takes with it. */
interface Life {
  readonly controller: Controller;
  readonly prober: MemoryProber;
  readonly end: AbortController;
  alive: boolean;
}

/**
 * An API, an Engine and a controller between them, on a clock that only the test moves. The controller can be killed before
 * or after any of its calls; API and Engine go on.
 */
export class DeploymentWorld {
  readonly clock = new FakeClock();
  readonly engine = new MemoryEngine(this.clock);
  /** What the API server has; the caches of the controller follow a little later. */
  readonly server = new Map<string, RuntimeDeployment>();
  readonly deployments = new MemoryStore<RuntimeDeployment>(deploymentIndexes);
  readonly backends = new MemoryStore<RuntimeBackend>();
  readonly profiles = new MemoryStore<GuardrailProfile>(profileIndexes);
  readonly namespaces = new MemoryStore<Namespace>();
  readonly secrets = new MemoryStore<Secret>();
  /** Answers the key of the hashes of secret values, from the API server. */
  hashKey: () => Promise<Uint8Array> = async () => Buffer.from("key");
  readonly configMaps = new MemoryStore<ConfigMap>();
  readonly policies = new MemoryStore<ApprovalPolicy>();
  /** As the cache has them. */
  readonly approvals = new MemoryStore<Approval>(approvalIndexes);
  /** As the server has them. */
  readonly stored = new Map<string, Approval>();
  /** Whether the cache of policies has all of them. */
  knowsPolicies = true;
  /** Whether the API server asks admission. */
  admission: AdmissionState = { kind: "works" };
  /** What signs; undefined while the Secret is missing. */
  keys: StampKeys | undefined = { sign: KEY_BYTES, verify: [KEY_BYTES] };
  /** Who writes. */
  user = "dev";
  /** What registries answer, in the place of what the Engine knows. */
  resolve: ImageResolver["resolve"] = async ({ reference }) => {
    const found = this.engine.registry.get(reference);
    if (found === undefined) throw new TransientError("ImageNotFound", `${reference}: no such image`);
    return found;
  };
  /** Digests by the UID of who asks for them. */
  readonly wanted = new Map<string, string>();
  readonly events: EventNote[] = [];
  /** What was put right, as metrics are told of it. */
  readonly repairs: string[] = [];
  /** Phases in the order in which a watcher saw them. */
  readonly phases: string[] = [];
  /** Writes of the controller. */
  writes = 0;
  /** Controllers so far. */
  boots = 0;
  /** Calls of the controller to the outside; `crashAt` of them, counting both moments of each, kills it. */
  steps = 0;
  crashAt = Number.POSITIVE_INFINITY;
  /** What backends said when they were last asked. */
  available = true;
  /** Questions to registries. */
  resolved = 0;
  /** How far the cache is behind the server. */
  lagMs = 1;
  /** Whether a profile that is missing is about to be installed. */
  installing = false;
  /** How what runs is reached where its status does not say so. */
  readonly endpoints = new EndpointTable();
  /** Lets everything end at once. */
  drain: Drain = NO_CLIENTS;
  #version = 0;
  /** Which one was seen in phase Deleting, a phase that ends in nothing else. */
  #deleted: string | undefined;
  #life: Life | undefined;
  readonly backendOptions: MemoryBackendOptions;

  constructor(options: MemoryBackendOptions = {}) {
    this.backendOptions = options;
    this.engine.publish(IMAGE);
    this.engine.fault = () => this.#step();
    for (const { metadata, spec } of BUILT_IN_PROFILES) this.putProfile(metadata.name, spec);
    this.bound(undefined);
    this.putBackend("docker", true);
    this.boot();
  }

  putBackend(name: string, isDefault: boolean, patch: Partial<RuntimeBackend["spec"]> = {}): void {
    const made = this.#stored<RuntimeBackend>({
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeBackend",
      metadata: { name, generation: ++this.#version, creationTimestamp: this.clock.now().toISOString() },
      spec: { type: "docker", default: isDefault, ...patch } as RuntimeBackend["spec"],
    });
    this.backends.put(this.#stamped(made, undefined, "admin"));
  }

  /** A profile that differs from a built-in one, or from what it was before, in these fields. */
  putProfile(name: string, patch: Partial<GuardrailProfileSpec>, base = "standard"): void {
    const before = this.profiles.get({ namespace: "", name });
    const spec = { ...(before?.spec ?? builtInProfile(base)?.spec), ...patch } as GuardrailProfileSpec;
    const generation = (before?.metadata.generation ?? 0) + 1;
    const creationTimestamp = before?.metadata.creationTimestamp ?? this.clock.now().toISOString();
    const { uid = randomUUID(), annotations = {} } = before?.metadata ?? {};
    const metadata = { name, generation, uid, annotations, creationTimestamp };
    const made = this.#stored<GuardrailProfile>({
      apiVersion: "slipway.dev/v1alpha1",
      kind: "GuardrailProfile",
      metadata,
      spec,
    });
    this.profiles.put(this.#stamped(made, before, "admin"));
  }

  /** Labels the namespace with the widest profile that its deployments may have. */
  bound(profile: string | undefined, namespace = KEY.namespace): void {
    const labels = profile === undefined ? {} : { [GUARDRAILS_BOUND_LABEL]: profile };
    this.namespaces.put(this.#stored({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } }));
  }

  putConfigMap({ namespace, name }: ObjectKey, data: Record<string, string>): void {
    this.configMaps.put(this.#stored({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data }));
  }

  putSecret(name: string, data: Record<string, string>, type = "Opaque"): void {
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
    const metadata = { name, namespace: KEY.namespace };
    const stored = { apiVersion: "v1", kind: "Secret", metadata, type, data: Object.fromEntries(encoded) };
    this.secrets.put(this.#stored(stored));
  }

  apply(patch: DeepPartial<RuntimeDeploymentSpec> = {}, key = KEY): void {
    const before = this.server.get(formatKey(key));
    const spec = deploymentSpec(patch);
    if (!before) {
      const metadata = { ...key, uid: randomUUID(), generation: 1 };
      const made = this.#stored<RuntimeDeployment>({
        ...{ apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment", metadata, spec },
      });
      this.#put(
        this.#stamped(
          { ...made, metadata: { ...made.metadata, creationTimestamp: this.clock.now().toISOString() } },
          undefined,
        ),
      );
      return;
    }
    if (JSON.stringify(before.spec) === JSON.stringify(spec)) return;
    const generation = (before.metadata.generation ?? 0) + 1;
    this.#put(this.#stamped({ ...before, metadata: { ...before.metadata, generation }, spec }, before));
  }

  /** Changes no generation, as annotations do. */
  annotate(annotations: Record<string, string>): void {
    const { deployment } = this;
    this.#put(this.#stamped({ ...deployment, metadata: { ...deployment.metadata, annotations } }, deployment));
  }

  delete(key = KEY): void {
    const deployment = this.server.get(formatKey(key));
    if (!deployment) return;
    const deletionTimestamp = this.clock.now().toISOString();
    this.#put({ ...deployment, metadata: { ...deployment.metadata, deletionTimestamp } });
  }

  get deployment(): RuntimeDeployment {
    const found = this.server.get(formatKey(KEY));
    if (!found) throw new Error("the deployment is gone");
    return found;
  }

  get status(): RuntimeDeploymentStatus {
    return this.deployment.status ?? {};
  }

  condition(type: string, key = KEY): string | undefined {
    const found = this.server.get(formatKey(key))?.status?.conditions?.find((condition) => condition.type === type);
    return found && `${found.status} ${found.reason}`;
  }

  containers() {
    return [...this.engine.containers.values()];
  }

  current() {
    const found = this.containers().find(({ role }) => role === "current");
    if (!found) throw new Error("there is no current container");
    return found;
  }

  enqueue(): void {
    this.#life?.controller.enqueue(KEY);
  }

  /** Lets `ms` pass in small steps, with probes in each. */
  async pass(ms: number, everyMs = 100): Promise<void> {
    for (let passed = 0; passed < ms; passed += everyMs) {
      await this.clock.advance(everyMs);
      this.#life?.prober.poll();
    }
    await this.clock.advance(0);
  }

  /** Passes time until `look` is satisfied. */
  async until(look: () => boolean, { withinMs = 600_000, what = look.toString() } = {}): Promise<void> {
    for (let passed = 0; passed <= withinMs; passed += 100) {
      if (look()) return;
      this.revive();
      await this.pass(100);
    }
    throw new Error(
      `not within ${withinMs} ms: ${what}\n${JSON.stringify(this.deployments.get(KEY)?.status, undefined, 1)}\n${this.engine.log.join("\n")}`,
    );
  }

  connected(key = KEY): boolean {
    return this.server.get(formatKey(key))?.status?.phase === "Connected";
  }

  settled(key = KEY): boolean {
    const deployment = this.server.get(formatKey(key));
    if (!deployment) return this.engine.containers.size === 0;
    const { observedGeneration, conditions } = deployment.status ?? {};
    return (
      observedGeneration === deployment.metadata.generation && !conditions?.some(({ type }) => type === "Reconciling")
    );
  }

  /** Starts a controller, as after a crash: it knows what API and Engine know. */
  boot(): void {
    this.boots++;
    this.crashAt = Number.POSITIVE_INFINITY;
    const end = new AbortController();
    const prober = new MemoryProber(this.engine);
    const life: { -readonly [K in keyof Life]?: Life[K] } = { prober, end, alive: true };
    const made = new Map<string, Backend>();
    /** Each RuntimeBackend has its own part of the Engine, but for those of type remote. */
    const backendOf = (name: string): Backend => {
      const known = made.get(name);
      if (known) return known;
      const { type, remote } = this.backends.get({ namespace: "", name })?.spec ?? {};
      const backend =
        type === "remote"
          ? new RemoteBackend({ allowedCidrs: remote?.allowedCidrs ?? [] })
          : new MemoryBackend(this.engine, { ...this.backendOptions, place: name });
      made.set(name, backend);
      backend.watch((owner) => controller.enqueue({ namespace: owner.namespace, name: owner.name }), end.signal);
      return backend;
    };
    const live = (name: string): LiveBackend | undefined =>
      this.backends.get({ namespace: "", name }) && {
        name,
        instance: 1,
        former: false,
        backend: backendOf(name),
        defaults: { limits: { cpu: "500m", memory: "512Mi", pids: 100 } },
        health: this.#health(name),
      };
    const reconciler = new RuntimeDeploymentReconciler({
      deployments: this.deployments,
      backends: this.backends,
      secrets: this.secrets,
      configMaps: this.configMaps,
      profiles: this.profiles,
      namespaces: this.namespaces,
      isInstalling: () => this.installing,
      enqueue: (key) => controller.enqueue(key),
      registry: {
        get: live,
        problem: () => undefined,
        suspect: () => undefined,
        strays: () => [],
        vacated: () => undefined,
      },
      prober,
      writer: {
        status: async (deployment, status) => {
          const same = JSON.stringify(deployment.status) === JSON.stringify(status);
          return same ? deployment : this.#write(deployment, (stored) => ({ ...stored, status }));
        },
        addFinalizer: (deployment) => this.#finalize(deployment, [TEARDOWN_FINALIZER]),
        removeFinalizer: async (deployment) => void (await this.#finalize(deployment, [])),
      },
      events: { record: (_, event) => void this.events.push(event) },
      hashKey: () => this.hashKey(),
      gate: this.#gate(),
      publicUrl,
      endpoints: this.endpoints,
      drain: {
        drain: (key, isReplaced) => this.drain.drain(key, isReplaced),
        resume: (key) => this.drain.resume(key),
      },
      repaired: (backend, what) => void this.repairs.push(`${backend} ${what}`),
      clock: this.clock,
    });
    const controller = new Controller({
      name: "test",
      reconciler,
      logger: recordingLogger().logger,
      clock: this.clock,
    });
    life.controller = controller;
    this.#life = life as Life;
    connect(this, {
      clock: this.clock,
      deploymentController: controller,
      backendController: { enqueue: () => undefined },
      profileController: { enqueue: () => undefined },
      approvalController: { enqueue: (key) => this.onApproval(key) },
      policyController: { enqueue: () => undefined },
      forgetApprovals: (uid) => void this.wanted.delete(uid),
      isKnown: (deployment) => reconciler.knows(deployment),
      secretsOf: () => [],
    });
    prober.onChange((key) => controller.enqueue(deploymentOf(key)));
    for (const { metadata } of this.backends.list()) backendOf(metadata.name);
    controller
      .run(end.signal, end.signal)
      .catch((error: unknown) => this.phases.push(`the controller failed: ${error}`));
  }

  /** Told of Approvals that changed. */
  onApproval: (key: ObjectKey) => void = () => undefined;

  putPolicy(name: string, patch: Partial<ApprovalPolicy["spec"]> = {}): ApprovalPolicy {
    const before = this.policies.get({ namespace: "", name });
    const spec: ApprovalPolicy["spec"] = {
      namespaceSelector: {},
      rules: [{ name: "images", sourceTypes: ["image"] }],
      approvers: { groups: ["approvers"], required: 1 },
      requesterMayApprove: false,
      serviceAccountRequests: "TwoApprovers",
      timeoutHours: 48,
      onChange: "KeepRunning",
      ...before?.spec,
      ...patch,
    };
    const metadata = {
      name,
      uid: before?.metadata.uid ?? randomUUID(),
      generation: (before?.metadata.generation ?? 0) + 1,
    };
    const policy = this.#stored<ApprovalPolicy>({
      apiVersion: "slipway.dev/v1alpha1",
      kind: "ApprovalPolicy",
      metadata,
      spec,
    });
    this.policies.put(policy);
    return policy;
  }

  /** The newest question that is not over; undefined where there is none. */
  get question(): Approval | undefined {
    const open = [...this.stored.values()].filter(
      (each) => stateOf(each, this.keys, this.clock.now()).phase === "Pending",
    );
    return open.at(-1);
  }

  /** Decides as admission lets an approver do it: about the newest question, unless another is named. */
  decide(
    verdict: "Approved" | "Rejected",
    { by = "ann", name = this.question?.metadata.name, reason = "because" } = {},
  ): void {
    const approval = this.stored.get(name ?? "");
    if (!approval || !this.keys) throw new Error("there is nothing to decide");
    const policies = approval.spec.policies.map((policy) => policy.name);
    const now = this.clock.now();
    const decision = stampDecision(approval, { verdict, reason }, { user: by, now, policies, keys: this.keys });
    this.putApproval({ ...approval, spec: { ...approval.spec, decisions: [...approval.spec.decisions, decision] } });
  }

  /** Stores an Approval; the cache hears of it after `lagMs`. */
  putApproval(approval: Approval): Approval {
    const before = this.stored.get(approval.metadata.name);
    const generation = (before?.metadata.generation ?? 0) + 1;
    const uid = before?.metadata.uid ?? randomUUID();
    const creationTimestamp = before?.metadata.creationTimestamp ?? this.clock.now().toISOString();
    const metadata = {
      ...approval.metadata,
      uid,
      creationTimestamp,
      generation,
      resourceVersion: String(++this.#version),
    };
    const stored = { ...approval, metadata };
    this.stored.set(approval.metadata.name, stored);
    this.clock.schedule(this.lagMs, () => this.approvals.put(stored));
    return stored;
  }

  #gate(): ApprovalGate {
    return {
      policies: this.policies,
      approvals: this.approvals,
      knowsPolicies: () => this.knowsPolicies,
      stampKeys: () => this.keys,
      admission: () => this.admission,
      images: {
        resolve: async (request, signal) => {
          await this.#step();
          this.resolved++;
          return await this.resolve(request, signal);
        },
      },
      wants: ({ metadata }, digest) => {
        if (this.wanted.get(metadata.uid) === digest) return;
        this.wanted.set(metadata.uid, digest);
        for (const approval of this.approvals.byIndex("deployment", metadata.uid)) this.onApproval(keyOf(approval));
      },
      request: async (approval) => {
        await this.#step();
        const found = this.stored.get(approval.metadata.name);
        if (found) return this.keys !== undefined && isSealed(found, this.keys);
        this.putApproval(approval as Approval);
        await this.#step();
        return true;
      },
      keepImage: async (approval, image) => {
        await this.#step();
        const stored = this.stored.get(approval.metadata.name);
        if (!stored) throw refusal(404, "NotFound");
        if (stored.metadata.resourceVersion !== approval.metadata.resourceVersion) throw refusal(409, "Conflict");
        this.putApproval({ ...stored, status: { ...stored.status, image } });
        await this.#step();
      },
    };
  }

  /** As admission does, with who writes. */
  #stamped<T extends KubeObject>(object: T, old: T | undefined, user = this.user): T {
    if (!this.keys) return object;
    const stamp = stampRequester(object, old, {
      user: { username: user, groups: [] },
      now: this.clock.now(),
      keys: this.keys,
    });
    const annotations = {
      ...object.metadata.annotations,
      ...(stamp !== undefined && { [REQUESTERS_ANNOTATION]: stamp }),
    };
    return { ...object, metadata: { ...object.metadata, annotations } };
  }

  /** Starts a controller where the last one was killed. */
  revive(): void {
    if (this.#life?.alive === false) this.boot();
  }

  /** Ends the controller where it stands. */
  kill(): void {
    if (!this.#life) return;
    this.#life.alive = false;
    this.#life.end.abort(new Error("killed"));
  }

  /** As a backend said when it was last asked, which was while it answered. */
  #health(name: string): BackendHealth {
    const { guardrails, builds } = this.engine;
    const sources = builds.places.has(name) ? ["image", "git"] : ["image"];
    const isRemote = this.backends.get({ namespace: "", name })?.spec.type === "remote";
    const capabilities = isRemote ? REMOTE_CAPABILITIES : { ...ENGINE_CAPABILITIES, sources, guardrails };
    const { available } = this;
    const said = available
      ? { reason: "Available", message: "the Engine answers" }
      : { reason: "BackendUnavailable", message: "the Engine does not answer" };
    return { available, ...said, version: "1.0", capabilities };
  }

  async #step(): Promise<void> {
    if (this.#life?.alive === false) throw new Error("killed");
    this.steps++;
    if (this.steps < this.crashAt) return;
    this.kill();
    throw new Error("killed");
  }

  async #finalize(deployment: RuntimeDeployment, finalizers: string[]): Promise<RuntimeDeployment> {
    if (JSON.stringify(deployment.metadata.finalizers ?? []) === JSON.stringify(finalizers)) return deployment;
    return this.#write(deployment, (stored) => ({ ...stored, metadata: { ...stored.metadata, finalizers } }), true);
  }

  async #write(
    seen: RuntimeDeployment,
    change: (stored: RuntimeDeployment) => RuntimeDeployment,
    conditional = false,
  ): Promise<RuntimeDeployment> {
    await this.#step();
    const stored = this.server.get(formatKey(keyOf(seen)));
    if (!stored) throw refusal(404, "NotFound");
    if (conditional && stored.metadata.resourceVersion !== seen.metadata.resourceVersion)
      throw refusal(409, "Conflict");
    this.writes++;
    const written = this.#put(change(stored));
    await this.#step();
    return written;
  }

  /** Stores, or removes what was deleted and has no finalizer any more; the cache hears of it after `lagMs`. */
  #put(object: RuntimeDeployment): RuntimeDeployment {
    const stored = this.#stored<RuntimeDeployment>(object);
    const key = keyOf(stored);
    const phase = stored.status?.phase;
    if (phase !== undefined && this.phases.at(-1) !== phase) this.phases.push(phase);
    if (this.phases.includes("Deleting") && phase !== "Deleting" && stored.metadata.uid === this.#deleted)
      throw new Error(`from Deleting to ${phase}`);
    if (phase === "Deleting") this.#deleted = stored.metadata.uid;
    const { deletionTimestamp, finalizers = [] } = stored.metadata;
    const gone = deletionTimestamp !== undefined && finalizers.length === 0;
    if (gone) this.server.delete(formatKey(key));
    else this.server.set(formatKey(key), stored);
    this.clock.schedule(this.lagMs, () => (gone ? this.deployments.remove(key) : this.deployments.put(stored)));
    return stored;
  }

  #stored<T extends KubeObject>(object: Omit<T, "metadata"> & { metadata: Partial<T["metadata"]> }): T {
    const metadata = { uid: randomUUID(), creationTimestamp: "2026-01-01T00:00:00Z", ...object.metadata };
    return { ...object, metadata: { ...metadata, resourceVersion: String(++this.#version) } } as T;
  }
}

function refusal(code: number, reason: string): ApiError {
  const status: StatusFailure = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: reason,
    reason,
    code,
  };
  return new ApiError(status);
}
