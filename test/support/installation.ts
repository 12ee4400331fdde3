import type Docker from "dockerode";
import { stringify } from "yaml";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { type Event, events, type Namespace, namespaces } from "../../src/api/core.ts";
import { Label, type Role } from "../../src/api/labels.ts";
import type { Condition } from "../../src/api/meta.ts";
import { API_VERSION, type RuntimeDeployment, runtimeDeployments } from "../../src/api/v1alpha1/index.ts";
import { type ProcessPlaces, processPlaces } from "../../src/cli/process-places.ts";
import { isReason, type KubeClient } from "../../src/machinery/client.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { EngineEvents } from "./engine-events.ts";
import { type EventuallyOptions, eventually } from "./eventually.ts";
import { MCP_IMAGE } from "./images.ts";
import { learnSecrets } from "./secrets/api-traces.ts";
import { secretWatch, type Trace } from "./secrets/secret-watch.ts";
import { outputTrace, slipwayTraces } from "./secrets/slipway-traces.ts";
import { SlipwayProcess, type UpOptions } from "./slipway-process.ts";

const NAMESPACE = "default";

export interface InstallationOptions extends UpOptions {
  /** The Engine that its deployments run on. Default: the machine's own. */
  readonly engine?: Docker;
  /** Another process than `slipway up`. */
  readonly process?: SlipwayProcess;
}

/**
 * One `slipway up`, its API as a client sees it, and what it made on the Engine. On disposal everything of it is removed,
 * whatever state it is in.
 */
export class Installation implements AsyncDisposable {
  readonly process: SlipwayProcess;
  readonly engine: Docker;
  #client: { address: string; client: DisposableKubeClient } | undefined;
  #id: string | undefined;

  private constructor(process: SlipwayProcess, engine: Docker) {
    this.process = process;
    this.engine = engine;
  }

  static async start(given: InstallationOptions = {}): Promise<Installation> {
    const { engine = engineClient(), process, ...options } = given;
    const installation = new Installation(process ?? new SlipwayProcess(options), engine);
    try {
      await installation.process.start();
      await installation.id();
      return installation;
    } catch (error) {
      await installation[Symbol.asyncDispose]();
      throw error;
    }
  }

  get kubectl() {
    return this.process.kubectl;
  }

  /** A client of the API; the server has another port after each start. */
  async client(): Promise<KubeClient> {
    const address = this.process.endpoints.api;
    if (this.#client?.address !== address) {
      this.#client?.client[Symbol.dispose]();
      this.#client = { address, client: await createKubeClient({ kubeconfigPath: this.kubectl.kubeconfig }) };
    }
    return this.#client.client;
  }

  /** What its label on everything outside says: the UID of the namespace kube-system. */
  async id(): Promise<string> {
    if (this.#id === undefined) {
      const system = await (await this.client()).get<Namespace>(namespaces, { namespace: "", name: "kube-system" });
      this.#id = system.metadata.uid;
    }
    return this.#id;
  }

  /** `kubectl apply` of a deployment of the small MCP server, with `spec` on top. */
  async deploy(name: string, spec: Record<string, unknown> = {}): Promise<void> {
    await this.kubectl.apply(deployment(name, spec));
  }

  async get(name: string): Promise<RuntimeDeployment> {
    return await (await this.client()).get(runtimeDeployments, { namespace: NAMESPACE, name });
  }

  /** `kubectl patch --type=merge`. */
  async patch(name: string, body: object): Promise<void> {
    await this.kubectl.run(["patch", "runtimedeployment", name, "--type=merge", "-p", JSON.stringify(body)]);
  }

  /** Waits until the deployment looks as `wanted` says. @throws {Error} with the deployment and the log's end. */
  async until(
    name: string,
    wanted: (deployment: RuntimeDeployment) => boolean,
    options: EventuallyOptions = {},
  ): Promise<RuntimeDeployment> {
    const look = async () => {
      const found = await this.get(name);
      return wanted(found) ? found : undefined;
    };
    return await eventually(`${name} is as wanted`, look, { explain: () => this.explain(name), ...options });
  }

  async untilPhase(name: string, phase: string, options?: EventuallyOptions): Promise<RuntimeDeployment> {
    return await this.until(
      name,
      ({ metadata, status }) => isCurrent(metadata, status) && status?.phase === phase,
      options,
    );
  }

  /** Waits until Ready is False for `reason`. Answers that condition. */
  async untilFailing(name: string, reason: string, options?: EventuallyOptions): Promise<Condition> {
    const found = await this.until(name, (each) => readyOf(each)?.reason === reason, options);
    return readyOf(found) as Condition;
  }

  async untilGone(name: string): Promise<void> {
    const look = async () => {
      try {
        await this.get(name);
        return false;
      } catch (error) {
        if (isReason(error, "NotFound")) return true;
        throw error;
      }
    };
    await eventually(`${name} is gone`, look, { explain: () => this.explain(name) });
  }

  /** `kubectl delete`, and waits until nothing of it is left. */
  async remove(name: string): Promise<void> {
    await this.kubectl.run(["delete", "runtimedeployment", name, "--wait=false"]);
    await this.untilGone(name);
    for (const role of ["workload", "sandbox"] as const) {
      if ((await this.containers(name, role)).length > 0) throw new Error(`${name} is gone and its ${role} is not`);
    }
  }

  /** Containers that run, or ran, workloads of this installation, or their sandboxes. */
  async containers(name?: string, role: Role = "workload"): Promise<Docker.ContainerInfo[]> {
    const labels = [`${Label.Installation}=${await this.id()}`, `${Label.Role}=${role}`];
    if (name !== undefined) labels.push(`${Label.Name}=${name}`);
    return await this.engine.listContainers({ all: true, filters: { label: labels } });
  }

  /** The one container of a deployment, or its one sandbox. @throws {Error} when there is none or more than one. */
  async container(name: string, role: Role = "workload"): Promise<Docker.Container> {
    const found = await this.containers(name, role);
    const [only] = found;
    if (!only || found.length > 1) throw new Error(`${name} has ${found.length} containers as ${role}`);
    return this.engine.getContainer(only.Id);
  }

  /** Events about a deployment, the oldest first. */
  async events(name: string): Promise<Event[]> {
    const { items } = await (await this.client()).list(events, { namespace: NAMESPACE });
    return items
      .filter(({ regarding }) => regarding.name === name)
      .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
  }

  /** Waits for an event with this reason about a deployment. Answers the newest. */
  async untilEvent(name: string, reason: string): Promise<Event> {
    const look = async () => (await this.events(name)).findLast((event) => event.reason === reason);
    return await eventually(`${name} has an event ${reason}`, look, { explain: () => this.explain(name) });
  }

  /** Records what happens on the Engine to the containers of a deployment. */
  async engineEvents(name: string): Promise<EngineEvents> {
    return await EngineEvents.record(this.engine, [
      `${Label.Installation}=${await this.id()}`,
      `${Label.Name}=${name}`,
    ]);
  }

  /** How often a deployment is written during `windowMs`, by its watch. */
  async countWrites(name: string, windowMs: number): Promise<number> {
    const { metadata } = await this.get(name);
    const scope = { namespace: NAMESPACE, resourceVersion: metadata.resourceVersion };
    const client = await this.client();
    let writes = 0;
    try {
      for await (const { type, object } of client.watch(runtimeDeployments, scope, AbortSignal.timeout(windowMs))) {
        if (type === "MODIFIED" && (object as RuntimeDeployment).metadata.name === name) writes += 1;
      }
    } catch (error) {
      if (!["AbortError", "TimeoutError"].includes((error as Error).name)) throw error;
    }
    return writes;
  }

  /** Containers and volumes of this installation: nothing, once all its deployments are gone. */
  async leftovers(): Promise<string[]> {
    const filters = { label: [`${Label.Installation}=${await this.id()}`] };
    const containers = await this.engine.listContainers({ all: true, filters });
    const { Volumes } = await this.engine.listVolumes({ filters });
    return [...containers.flatMap(({ Names }) => Names), ...(Volumes ?? []).map(({ Name }) => Name)];
  }

  /** Removes from the Engine what was pulled from a registry. */
  async forgetImages(registry: string): Promise<void> {
    const images = await this.engine.listImages();
    const names = images.flatMap(({ RepoTags, RepoDigests }) => [...(RepoTags ?? []), ...(RepoDigests ?? [])]);
    for (const name of names.filter((each) => each.startsWith(`${registry}/`))) await this.forgetImage(name);
  }

  /** Takes a name from an image, and removes the image if it was the last one. */
  async forgetImage(name: string): Promise<void> {
    await this.engine.getImage(name).remove({ force: true }).catch(unlessGone);
  }

  /** Ends it in order, and with it the processes of its machine. What it leaves goes with the object. */
  async end(): Promise<void> {
    await this.process.terminate();
  }

  /** Where the RuntimeBackend `process` keeps what is its own. */
  async processPlaces(): Promise<ProcessPlaces> {
    const { dataDir } = this.process;
    const machine = { isRoot: process.getuid?.() === 0, environment: process.env, backend: "process" };
    return processPlaces({ installation: await this.id(), dataDir, ...machine });
  }

  /** For failures: the deployment, its events and containers, and the end of the server's log. */
  async explain(name: string): Promise<string> {
    const told = await Promise.allSettled([
      this.get(name).then(({ spec: _spec, ...rest }) => stringify(rest)),
      this.events(name).then((all) => all.map(({ type, reason, note }) => `${type} ${reason}: ${note}`).join("\n")),
      this.containers(name).then((all) => all.map(({ Id, Names, Status }) => `${Names} ${Id} ${Status}`).join("\n")),
    ]);
    const parts = told.map((each) => (each.status === "fulfilled" ? each.value : String(each.reason)));
    return [...parts, this.process.output.slice(-6_000)].join("\n---\n");
  }

  /** @throws {Error} when a secret was shown anywhere; everything is removed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      secretWatch.inspect(await this.#traces());
    } finally {
      await this.#remove();
    }
    secretWatch.inspect([outputTrace(this.process)]);
  }

  /** Nothing where there are no secrets to find, or it has been ended already. */
  async #traces(): Promise<readonly Trace[]> {
    if (!secretWatch.isAwake || this.process.pid === undefined) return [];
    await learnSecrets(secretWatch, this.kubectl);
    return await slipwayTraces(this.process);
  }

  async #remove(): Promise<void> {
    this.#client?.client[Symbol.dispose]();
    await this.process[Symbol.asyncDispose]();
    if (this.#id === undefined) return;
    const filters = { label: [`${Label.Installation}=${this.#id}`] };
    for (const { Id } of await this.engine.listContainers({ all: true, filters })) {
      await this.engine.getContainer(Id).remove({ force: true, v: true }).catch(unlessGone);
    }
    const { Volumes } = await this.engine.listVolumes({ filters });
    for (const { Name } of Volumes ?? []) await this.engine.getVolume(Name).remove().catch(unlessGone);
  }
}

/** What a spec says to run in a sandbox, under the profile that one gets by naming none. */
export const SANDBOXED = { guardrails: { profile: "standard" }, resources: { cpu: "500m", memory: "128Mi" } };

/** A deployment of the small MCP server that is probed often and not restricted, with `spec` on top. */
export function deployment(name: string, spec: Record<string, unknown> = {}): object {
  return {
    apiVersion: API_VERSION,
    kind: "RuntimeDeployment",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      source: { image: { reference: MCP_IMAGE, pullPolicy: "Never" } },
      guardrails: { profile: "unrestricted" },
      resources: { cpu: "1", memory: "128Mi" },
      health: { periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 2 },
      ...spec,
    },
  };
}

export function readyOf({ status }: RuntimeDeployment): Condition | undefined {
  return conditionOf(status, "Ready");
}

export function conditionOf(status: RuntimeDeployment["status"], type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type) as Condition | undefined;
}

/** Whether the status speaks of the spec as it is now. */
function isCurrent({ generation }: RuntimeDeployment["metadata"], status: RuntimeDeployment["status"]): boolean {
  return status?.observedGeneration === generation;
}

function unlessGone(error: { statusCode?: number }): void {
  // 409: the Engine removes it already.
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
}
