import type { CallBudget } from "./call-budget.ts";
import { CodeEngineError } from "./errors.ts";
import { lines } from "./lines.ts";
import { paged } from "./paging.ts";
import { type Pod, podMetricsList, podPage } from "./resources/pods.ts";
import { amountOf } from "./rules/amount.ts";
import type { Call, CallOptions, Transport } from "./transport.ts";

const SERVICE = "The Kubernetes proxy of Code Engine";

/** Pods of an application. */
export function appSelector(app: string): string {
  return `serving.knative.dev/service=${app}`;
}

/** Pods of a build run. Its containers that matter begin with `step-`. */
export function buildRunSelector(buildRun: string): string {
  return `buildrun.shipwright.io/name=${buildRun}`;
}

/** Where an application's own output is. */
export const USER_CONTAINER = "user-container";

export interface PodLogRequest {
  readonly pod: string;
  readonly container: string;
  /** Lines from the end to begin with; all where it is missing. */
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** Each line begins with its time, in RFC 3339. */
  readonly timestamps?: boolean;
  /** Goes on until the container ends, the service closes the connection, or the signal aborts. */
  readonly follow?: boolean;
  /** Of the container that ran before. */
  readonly previous?: boolean;
}

export interface ContainerUsage {
  readonly pod: string;
  readonly container: string;
  readonly vcpu: number;
  readonly memoryBytes: number;
  /** RFC 3339. */
  readonly at: string | undefined;
}

export interface ProjectProxyOptions {
  readonly transport: Transport;
  readonly proxy: string;
  readonly budget: CallBudget;
  /** The project's namespace. */
  readonly subdomain: string;
}

/**
 * Logs and use of resources, which Code Engine's API does not tell, from the Kubernetes API that is behind it. Only pods
 * that exist have any: at zero instances there is nothing.
 */
export class ProjectProxy {
  readonly #options: ProjectProxyOptions;

  constructor(options: ProjectProxyOptions) {
    this.#options = options;
  }

  pods(labelSelector: string, options: CallOptions): AsyncIterable<Pod> {
    const operation = "list pods";
    return paged(operation, async (start) => {
      const query = { labelSelector, limit: 100, continue: start };
      const call = this.#call({ operation, path: this.#core("pods"), query });
      const { pods, next } = await this.#options.transport.send(call, podPage, options);
      return { items: pods, next };
    });
  }

  /** The lines of one container. @throws {CodeEngineError}; the reason of the signal. */
  async *podLogs(request: PodLogRequest, options: CallOptions): AsyncGenerator<string, void, undefined> {
    const { pod, container, tailLines, sinceSeconds, timestamps, follow, previous } = request;
    const operation = `read the log of ${container} in pod ${pod}`;
    const query = { container, tailLines, sinceSeconds, timestamps, follow, previous };
    const headers = { Accept: "*/*", "Accept-Encoding": "identity" };
    const call = this.#call({ operation, path: this.#core("pods", pod, "log"), query, headers });
    const stream = await this.#options.transport.open(call, options);
    try {
      yield* lines(stream);
    } catch (error) {
      options.signal.throwIfAborted();
      throw this.#options.transport.explain(call, error);
    }
  }

  /** What each container uses now. Whoever may see the project may see it. */
  async usage(labelSelector: string, options: CallOptions): Promise<readonly ContainerUsage[]> {
    const { transport, subdomain } = this.#options;
    const path = ["apis", "metrics.k8s.io", "v1beta1", "namespaces", subdomain, "pods"];
    const call = this.#call({ operation: "get the use of CPU and memory", path, query: { labelSelector } });
    const { items } = await transport.send(call, podMetricsList, options);
    return items.flatMap(({ metadata, timestamp, containers }) =>
      containers.map(({ name, usage }) => ({
        pod: metadata.name,
        container: name,
        vcpu: this.#amount(call, usage.cpu),
        memoryBytes: this.#amount(call, usage.memory),
        at: timestamp,
      })),
    );
  }

  #amount({ service, operation }: Call, text: string): number {
    const amount = amountOf(text);
    if (amount !== undefined) return amount;
    throw new CodeEngineError({
      kind: "transient",
      service,
      operation,
      said: "its answer holds an amount that is none",
    });
  }

  #core(...path: readonly string[]): readonly string[] {
    return ["api", "v1", "namespaces", this.#options.subdomain, ...path];
  }

  #call(call: Pick<Call, "operation" | "path" | "query" | "headers">): Call {
    const { proxy, budget } = this.#options;
    return { service: SERVICE, method: "GET", base: proxy, budget, ...call };
  }
}
