import { type Namespace, namespaces, type Secret, secrets } from "../../src/api/core.ts";
import type { NewObject } from "../../src/api/meta.ts";
import {
  type RuntimeBackend,
  type RuntimeBackendSpec,
  type RuntimeDeployment,
  runtimeBackends,
  runtimeDeployments,
} from "../../src/api/v1alpha1/index.ts";
import { codeEngineDriver } from "../../src/cli/code-engine-driver.ts";
import { createControllers } from "../../src/controllers/create-controllers.ts";
import { createExternalGateway } from "../../src/external-gateways/create-external-gateway.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { getCondition } from "../../src/machinery/conditions.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { Manager } from "../../src/machinery/manager.ts";
import { createProber } from "../../src/probe/create-prober.ts";
import { startTestApiServer, type TestApiServer } from "./api-server.ts";
import { memoryApprovals } from "./approval-services.ts";
import type { EmulatorOptions } from "./code-engine/emulator.ts";
import { PlainClient } from "./code-engine/plain-client.ts";
import { CodeEngineWorld } from "./code-engine-under-test.ts";
import { NO_CLIENTS } from "./deployment-world.ts";
import { eventually } from "./eventually.ts";

const NAMESPACE = "default";

/** Controllers between an API server and the emulator, which can be ended and started anew. */
export class CodeEngineControllers implements AsyncDisposable {
  readonly world: CodeEngineWorld;
  readonly client: DisposableKubeClient;
  /** Of somebody else with rights in the project. */
  readonly admin: PlainClient;
  readonly #api: TestApiServer;
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  private constructor(world: CodeEngineWorld, api: TestApiServer, client: DisposableKubeClient) {
    this.world = world;
    this.client = client;
    this.admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
    this.#api = api;
  }

  /** With a RuntimeBackend `ibm`, whose spec has these members as well. */
  static async start(
    patch: Partial<NonNullable<RuntimeBackendSpec["codeEngine"]>> = {},
    options: EmulatorOptions = {},
  ): Promise<CodeEngineControllers> {
    const world = await CodeEngineWorld.start(options);
    const api = await startTestApiServer();
    const client = await createKubeClient({ kubeconfigPath: api.kubeconfig });
    const made = new CodeEngineControllers(world, api, client);
    await made.#prepare(patch);
    made.boot();
    return made;
  }

  boot(): void {
    const { logger } = this.world.log;
    const driver = codeEngineDriver(this.world.installation);
    const prober = createProber({ clock: systemClock, logger });
    const controllers = createControllers({
      client: this.client,
      drivers: {
        "code-engine": {
          settings: (spec) => driver.settings(spec),
          create: ({ metadata, spec: { codeEngine } }) =>
            this.world.backend({ name: metadata.name, ...(codeEngine && { spec: codeEngine }) }),
        },
      },
      prober,
      clock: systemClock,
      logger,
      identity: "test",
      createGateway: createExternalGateway,
      approvals: memoryApprovals().services,
      publicUrl: ({ name }) => `http://gateway.test/${name}`,
      drain: NO_CLIENTS,
    });
    const stop = new AbortController();
    const manager = new Manager({ logger, drainTimeoutMs: 2_000 })
      .add("services", ...controllers.services)
      .add("caches", ...controllers.caches)
      .add("controllers", ...controllers.controllers);
    const ended = manager.run(stop.signal).finally(() => prober[Symbol.asyncDispose]());
    this.#running = { stop, ended };
  }

  async end(): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.ended;
    this.#running = undefined;
  }

  async deploy(name: string, spec: object = {}): Promise<void> {
    const object = {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeDeployment",
      metadata: { name, namespace: NAMESPACE },
      spec: {
        source: { image: { reference: "registry.test/files:1" } },
        backend: "ibm",
        guardrails: { profile: "unrestricted" },
        ...spec,
      },
    };
    await this.client.create<RuntimeDeployment>(runtimeDeployments, object as NewObject<RuntimeDeployment>);
  }

  async get(name: string): Promise<RuntimeDeployment> {
    return await this.client.get(runtimeDeployments, { namespace: NAMESPACE, name });
  }

  async condition(name: string, type: string) {
    return getCondition((await this.get(name)).status?.conditions, type);
  }

  /** Waits until the deployment serves its newest spec, and `wanted` holds. */
  async until(name: string, wanted: (found: RuntimeDeployment) => boolean = () => true): Promise<RuntimeDeployment> {
    return await eventually(`${name} is as wanted`, async () => {
      const found = await this.get(name);
      const { metadata, status } = found;
      const ready = getCondition(status?.conditions, "Ready")?.status === "True";
      const settled = ready && !getCondition(status?.conditions, "Reconciling");
      return settled && status?.workload?.generation === metadata.generation && wanted(found) ? found : undefined;
    });
  }

  /** The app of a deployment that has one. */
  async app(name: string): Promise<Record<string, unknown>> {
    const { status } = await this.get(name);
    return (await this.admin.get(`${this.#home}/apps/${status?.workload?.id}`)).body;
  }

  async revisions(name: string): Promise<string> {
    const { status_details: details } = await this.app(name);
    return String((details as Record<string, unknown>).latest_created_revision);
  }

  async instances(name: string): Promise<number> {
    const { status } = await this.get(name);
    const { body } = await this.admin.get(`${this.#home}/apps/${status?.workload?.id}/instances`);
    return (body.instances as unknown[]).length;
  }

  get #home(): string {
    return `/projects/${this.world.project.id}`;
  }

  async #prepare(patch: Partial<NonNullable<RuntimeBackendSpec["codeEngine"]>>): Promise<void> {
    const { items } = await this.client.list(namespaces);
    for (const name of [NAMESPACE, "slipway-system"])
      if (!items.some(({ metadata }) => metadata.name === name))
        await this.client.create<Namespace>(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    await this.client.create<Secret>(secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "ibm", namespace: "slipway-system" },
      data: { apiKey: Buffer.from(this.world.apiKey).toString("base64") },
    });
    await this.client.create<RuntimeBackend>(runtimeBackends, {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeBackend",
      metadata: { name: "ibm" },
      spec: { type: "code-engine", codeEngine: this.world.spec(patch) } as RuntimeBackend["spec"],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    this.client[Symbol.dispose]();
    await this.#api[Symbol.asyncDispose]();
    await this.world[Symbol.asyncDispose]();
  }
}
