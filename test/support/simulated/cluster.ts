import { fileURLToPath } from "node:url";
import { type Namespace, namespaces } from "../../../src/api/core.ts";
import type { KubeList, NewObject } from "../../../src/api/meta.ts";
import {
  API_VERSION,
  type RuntimeBackend,
  type RuntimeDeployment,
  runtimeBackends,
  runtimeDeployments,
} from "../../../src/api/v1alpha1/index.ts";
import { isReason } from "../../../src/machinery/client.ts";
import { createKubeClient, type DisposableKubeClient } from "../../../src/machinery/http-kube-client.ts";
import { KillableApiServer } from "../killable-api-server.ts";
import { ControllerProcess, type ControllerProcessOptions, sumOf } from "./controller-process.ts";
import { SIMULATED_IMAGE, SimulatedPlace } from "./place.ts";

const API_SERVER = fileURLToPath(new URL("./api-server-process.ts", import.meta.url));
/** Creations under way at once. */
const WRITERS = 16;
const WRITING_VERBS = ["CREATE", "UPDATE", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"];
/** What is created or renewed without changing anything. */
const NO_WRITES = ["leases", "subjectaccessreviews", "tokenreviews"];

/** An API server in a process of its own, a simulated place in this one, and controllers as they are asked for. */
export class SimulatedCluster implements AsyncDisposable {
  readonly api: KillableApiServer;
  readonly place: SimulatedPlace;
  /** Of an administrator. */
  readonly client: DisposableKubeClient;
  readonly #controllers: ControllerProcess[] = [];

  private constructor(api: KillableApiServer, place: SimulatedPlace, client: DisposableKubeClient) {
    this.api = api;
    this.place = place;
    this.client = client;
  }

  static async start(): Promise<SimulatedCluster> {
    const place = await SimulatedPlace.start();
    const api = await KillableApiServer.start({ program: API_SERVER });
    const client = await createKubeClient({ kubeconfigPath: api.announced.kubeconfigPath });
    const cluster = new SimulatedCluster(api, place, client);
    await cluster.createNamespaces("slipway-system");
    const backend = { apiVersion: API_VERSION, kind: "RuntimeBackend", metadata: { name: "simulated" } };
    const spec = { type: "simulated", default: true } as unknown as RuntimeBackend["spec"];
    await client.create<RuntimeBackend>(runtimeBackends, { ...backend, spec } as NewObject<RuntimeBackend>);
    return cluster;
  }

  get kubeconfig(): string {
    return this.api.announced.kubeconfigPath;
  }

  async startController(
    options: Omit<ControllerProcessOptions, "kubeconfig" | "socketPath"> & { readonly kubeconfig?: string } = {},
  ): Promise<ControllerProcess> {
    const { kubeconfig = this.kubeconfig, ...rest } = options;
    const made = await ControllerProcess.start({ ...rest, kubeconfig, socketPath: this.place.socketPath });
    this.#controllers.push(made);
    return made;
  }

  async createNamespaces(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const object = { apiVersion: "v1", kind: "Namespace", metadata: { name } } as NewObject<Namespace>;
      await this.client.create<Namespace>(namespaces, object).catch((error: unknown) => {
        if (!isReason(error, "AlreadyExists")) throw error;
      });
    }
  }

  /** Deployments `d00000`… of these numbers, `perNamespace` in each of `ns-0`…; the namespaces are made, too. */
  async createDeployments(from: number, to: number, perNamespace = 100): Promise<void> {
    const spaces = new Set<string>();
    for (let at = from; at < to; at++) spaces.add(namespaceOf(at, perNamespace));
    await this.createNamespaces(...spaces);
    let next = from;
    const writer = async () => {
      for (let at = next++; at < to; at = next++) {
        await this.client.create(runtimeDeployments, simulatedDeployment(namespaceOf(at, perNamespace), nameOf(at)));
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, writer));
  }

  /** How many deployments there are in each phase, as the API has them. */
  async phases(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    let token: string | undefined;
    do {
      const options = { limit: 2_000, ...(token !== undefined && { continue: token }) };
      const page: KubeList<RuntimeDeployment> = await this.client.list(runtimeDeployments, options);
      for (const { status, metadata } of page.items) {
        const seen = status?.observedGeneration === metadata.generation ? status?.phase : undefined;
        counts[seen ?? "Unseen"] = (counts[seen ?? "Unseen"] ?? 0) + 1;
      }
      token = page.metadata.continue || undefined;
    } while (token !== undefined);
    return counts;
  }

  /** Writes that the API server has taken, events too, but for leases and reviews, which change nothing. */
  async writes(): Promise<number> {
    return Object.values(await this.writesByVerb()).reduce((sum, count) => sum + count, 0);
  }

  /** The same by verb, as the API server's metrics name it. */
  async writesByVerb(): Promise<Record<string, number>> {
    const text = await this.api.text("/metrics");
    const count = (labels: Record<string, string>) => sumOf(text, "apiserver_request_total", labels);
    const of = (verb: string) =>
      NO_WRITES.reduce((rest, resource) => rest - count({ verb, resource }), count({ verb }));
    return Object.fromEntries(WRITING_VERBS.map((verb) => [verb, of(verb)]));
  }

  /** Watches that are open, whoever's. */
  async watches(): Promise<number> {
    return sumOf(await this.api.text("/metrics"), "apiserver_longrunning_requests", { verb: "WATCH" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#controllers.map((controller) => controller[Symbol.asyncDispose]()));
    this.client[Symbol.dispose]();
    await this.api[Symbol.asyncDispose]();
    await this.place[Symbol.asyncDispose]();
  }
}

export function namespaceOf(at: number, perNamespace = 100): string {
  return `ns-${Math.floor(at / perNamespace)}`;
}

export function nameOf(at: number): string {
  return `d${String(at).padStart(5, "0")}`;
}

/** As a user would write it; probed every 30 s, as documented for many. */
export function simulatedDeployment(namespace: string, name: string): NewObject<RuntimeDeployment> {
  return {
    apiVersion: API_VERSION,
    kind: "RuntimeDeployment",
    metadata: { name, namespace },
    // The server fills in the rest.
    spec: {
      source: { image: { reference: SIMULATED_IMAGE } },
      guardrails: { profile: "standard" },
      health: { periodSeconds: 30 },
    } as RuntimeDeployment["spec"],
  };
}
