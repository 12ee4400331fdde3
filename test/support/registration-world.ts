import { randomUUID } from "node:crypto";
import type { Secret } from "../../src/api/core.ts";
import { formatKey, type KubeObject, type ObjectKey, type StatusFailure } from "../../src/api/meta.ts";
import {
  type McpGateway,
  type McpGatewaySpec,
  mcpGateways,
  REGISTRATION_FINALIZER,
  type RuntimeDeployment,
  type RuntimeDeploymentSpec,
  runtimeDeployments,
} from "../../src/api/v1alpha1/index.ts";
import { Connections } from "../../src/controllers/mcp-gateway/connections.ts";
import { McpGatewayReconciler } from "../../src/controllers/mcp-gateway/controller.ts";
import { RegistrationReconciler, registrationIndexes } from "../../src/controllers/registration/controller.ts";
import { ContextForge } from "../../src/external-gateways/context-forge/context-forge.ts";
import { ApiError, type KubeClient } from "../../src/machinery/client.ts";
import { setCondition } from "../../src/machinery/conditions.ts";
import type { EventNote } from "../../src/machinery/event-recorder.ts";
import { addFinalizer, removeFinalizer } from "../../src/machinery/finalizers.ts";
import { StatusPatcher } from "../../src/machinery/status-patcher.ts";
import type { FakeContextForge } from "./context-forge/fake-context-forge.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryStore } from "./memory-store.ts";

export const FILES: ObjectKey = { namespace: "team", name: "files" };
export const FORGE = "forge";
export const FILES_URL = "http://127.0.0.1:7080/team/files/mcp";

/** What a crash takes with it. */
interface Life {
  readonly connections: Connections;
  readonly gateway: McpGatewayReconciler;
  readonly registration: RegistrationReconciler;
}

/** A controller that may be killed, between an API server in memory and a ContextForge over HTTP, on a clock that stands. */
export class RegistrationWorld implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly deployments = new MemoryStore<RuntimeDeployment>(registrationIndexes);
  readonly gateways = new MemoryStore<McpGateway>();
  readonly secrets = new MemoryStore<Secret>();
  readonly events: EventNote[] = [];
  /** Writes to the API server. */
  writes = 0;
  /** Called before each write to the API server; what it throws is what the write answers. */
  onWrite: () => void = () => undefined;
  readonly #forge: FakeContextForge;
  #version = 0;
  #life: Life;

  constructor(forge: FakeContextForge) {
    this.#forge = forge;
    this.putSecret("forge", { token: forge.token });
    this.putGateway();
    this.#life = this.#boot();
  }

  /** The controller ends without a word, and another starts. */
  async crash(): Promise<void> {
    await this.#life.connections.close();
    this.#life = this.#boot();
  }

  putSecret(name: string, values: Readonly<Record<string, string>>): void {
    const data = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    );
    this.secrets.put(
      this.#stored({ apiVersion: "v1", kind: "Secret", metadata: { namespace: "slipway-system", name }, data }),
    );
  }

  putGateway(patch: Partial<McpGatewaySpec> = {}, name = FORGE): void {
    const before = this.gateways.get({ namespace: "", name });
    const spec: McpGatewaySpec = {
      type: "contextforge",
      url: this.#forge.url,
      tokenSecretRef: { namespace: "slipway-system", name: "forge", key: "token" },
      visibility: "public",
      ...patch,
    };
    this.gateways.put(
      this.#stored({ apiVersion: "slipway.dev/v1alpha1", kind: "McpGateway", metadata: { name }, spec }, before),
    );
  }

  putDeployment(patch: Partial<RuntimeDeploymentSpec> = {}, key = FILES): void {
    const before = this.deployments.get(key);
    const spec = {
      source: { image: { reference: "files:1", pullPolicy: "IfNotPresent" } },
      desiredState: "Running",
      restartPolicy: "Always",
      registerWith: [{ name: FORGE }],
      ...before?.spec,
      ...patch,
    } as RuntimeDeploymentSpec;
    const metadata = { ...key };
    const made = { apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment", metadata, spec };
    this.deployments.put(this.#stored({ ...made, ...(before?.status && { status: before.status }) }, before));
  }

  /** What the deployment controller finds. */
  putReady(ready: boolean, { url = FILES_URL, key = FILES }: { url?: string; key?: ObjectKey } = {}): void {
    const before = this.#deployment(key);
    const next = { type: "Ready", status: ready ? ("True" as const) : ("False" as const), reason: "Test", message: "" };
    const { url: _, ...status } = before.status ?? {};
    const conditions = setCondition(status.conditions ?? [], { ...next, observedGeneration: 1 }, this.clock.now());
    this.deployments.put(
      this.#versioned({ ...before, status: { ...status, conditions: [...conditions], ...(ready && { url }) } }),
    );
  }

  deleteDeployment(key = FILES): void {
    this.#delete(this.deployments, key);
  }

  deleteGateway(name = FORGE): void {
    this.#delete(this.gateways, { namespace: "", name });
  }

  /** One look at the gateway, unless told otherwise, and one at the deployment. Answers when it wants another. */
  async look(key = FILES, { gateways = true } = {}): Promise<number | undefined> {
    const { signal } = new AbortController();
    try {
      for (const { metadata } of gateways ? this.gateways.list() : [])
        await this.#life.gateway.reconcile({ namespace: "", name: metadata.name }, signal);
      return (await this.#life.registration.reconcile(key, signal)).requeueAfterMs;
    } catch (error) {
      if (error instanceof ApiError) return 0;
      throw error;
    }
  }

  /** Looks until it wants no other soon. */
  async settle(key = FILES): Promise<void> {
    for (let looks = 0; looks < 40; looks++) {
      const before = this.writes;
      const againInMs = await this.look(key);
      if (this.writes === before && (againInMs === undefined || againInMs > 59_000)) return;
      await this.clock.advance(this.writes === before ? (againInMs ?? 0) : 0);
    }
    throw new Error("it does not come to rest");
  }

  /** `status reason` of the condition Registered. */
  registered(key = FILES): string | undefined {
    const found = this.deployments.get(key)?.status?.conditions?.find(({ type }) => type === "Registered");
    return found && `${found.status} ${found.reason}`;
  }

  message(key = FILES): string | undefined {
    return this.deployments.get(key)?.status?.conditions?.find(({ type }) => type === "Registered")?.message;
  }

  /** `enabled name url` of what is there. */
  there(): string[] {
    return [...this.#forge.entries.values()].map(
      ({ enabled, name, url }) => `${enabled ? "on" : "off"} ${name} ${url}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.connections.close();
  }

  #boot(): Life {
    const { deployments, gateways, secrets, clock } = this;
    const events = { record: (_: KubeObject, note: EventNote) => void this.events.push(note) };
    const connections = new Connections({
      create: (_, settings) => new ContextForge(settings, { readMs: 300, writeMs: 300 }),
      secrets,
      enqueue: () => undefined,
      clock,
    });
    const client = this.#client();
    const statusOf = { client, fieldManager: "test" };
    const onGateway = { client, type: mcpGateways, finalizer: REGISTRATION_FINALIZER };
    const gatewayStatus = new StatusPatcher({
      ...statusOf,
      type: mcpGateways,
      fields: ["conditions", "registered", "version"],
    });
    const gateway = new McpGatewayReconciler({
      ...{ gateways, deployments, connections, events, clock, enqueueDeployment: () => undefined },
      writer: {
        status: (object, status, signal) => gatewayStatus.patch(object, status, signal),
        addFinalizer: (object, signal) => addFinalizer(object, { ...onGateway, signal }),
        removeFinalizer: (object, signal) => removeFinalizer(object, { ...onGateway, signal }),
      },
    });
    const deploymentStatus = new StatusPatcher({
      ...{ ...statusOf, type: runtimeDeployments },
      fields: ["conditions", "registrations"],
    });
    const onDeployment = { client, type: runtimeDeployments, finalizer: REGISTRATION_FINALIZER };
    const registration = new RegistrationReconciler({
      ...{ deployments, gateways, live: connections, events, clock, hashKey: async () => Buffer.from("key") },
      writer: {
        status: (object, status, signal) => deploymentStatus.patch(object, status, signal),
        addFinalizer: (object, signal) => addFinalizer(object, { ...onDeployment, signal }),
        removeFinalizer: (object, signal) => removeFinalizer(object, { ...onDeployment, signal }),
      },
    });
    return { connections, gateway, registration };
  }

  #client(): KubeClient {
    const patch = async (type: { plural: string }, key: ObjectKey, { body }: { body: unknown }) => {
      this.onWrite();
      const store: unknown = type.plural === "mcpgateways" ? this.gateways : this.deployments;
      return this.#patch(store as MemoryStore<KubeObject>, key, body);
    };
    return { patch } as unknown as KubeClient;
  }

  #patch(store: MemoryStore<KubeObject>, key: ObjectKey, body: unknown): KubeObject {
    const before = store.get(key);
    const { metadata } = body as KubeObject;
    if (!before) throw failure("NotFound", 404);
    if (metadata.resourceVersion !== before.metadata.resourceVersion) throw failure("Conflict", 409);
    this.writes++;
    const after = this.#versioned(merged(before, body) as KubeObject);
    if (after.metadata.deletionTimestamp && !after.metadata.finalizers?.length) store.remove(key);
    else store.put(after);
    return after;
  }

  #deployment(key: ObjectKey): RuntimeDeployment {
    const found = this.deployments.get(key);
    if (!found) throw new Error(`no deployment ${formatKey(key)}`);
    return found;
  }

  #delete<T extends KubeObject>(store: MemoryStore<T>, key: ObjectKey): void {
    const before = store.get(key);
    if (!before) return;
    if (!before.metadata.finalizers?.length) store.remove(key);
    else {
      const deletionTimestamp = this.clock.now().toISOString();
      store.put(this.#versioned({ ...before, metadata: { ...before.metadata, deletionTimestamp } }));
    }
  }

  #stored<T>(made: object, before?: KubeObject): T {
    const { metadata } = made as KubeObject;
    const generation = (before?.metadata.generation ?? 0) + 1;
    const kept = before?.metadata ?? { uid: randomUUID(), creationTimestamp: this.clock.now().toISOString() };
    return this.#versioned({ ...made, metadata: { ...kept, ...metadata, generation } } as unknown as KubeObject) as T;
  }

  #versioned<T extends KubeObject>(object: T): T {
    this.#version++;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
  }
}

function failure(reason: "Conflict" | "NotFound", code: number): ApiError {
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    message: reason,
    reason,
    code,
  } as StatusFailure);
}

/** RFC 7396. */
function merged(before: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof before === "object" && before !== null && !Array.isArray(before) ? { ...before } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}
