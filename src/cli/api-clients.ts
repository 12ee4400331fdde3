import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { createKubeClient } from "../machinery/http-kube-client.ts";
import type { KubeconfigSource } from "../machinery/kubeconfig.ts";
import type { LeaderElection } from "../machinery/leader-election.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Metrics } from "../machinery/metrics.ts";
import { type RequestLimits, RequestPace } from "../machinery/request-pace.ts";
import { splitClient } from "../machinery/split-client.ts";
import type { Tracer } from "../machinery/tracer.ts";
import { apiMetrics } from "./api-metrics.ts";
import { createElection, type ElectionSettings, leaseCallTimeoutMs } from "./election.ts";

export interface ApiClientsOptions {
  readonly kubeconfig: KubeconfigSource;
  /** Absent: as much as is asked for. */
  readonly limits: RequestLimits | undefined;
  /** Absent: this process is alone. */
  readonly election: ElectionSettings | undefined;
  /** Where this replica's gateway listens. Called when the lease is asked for, not before. */
  readonly gatewayUrl: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
}

/** The ways of one controller process to its API server. */
export interface ApiClients extends Disposable {
  /** Of every replica: caches, reviews, and what admission tells. */
  readonly client: KubeClient;
  /** Of the one that leads, and nobody else: without the lease nothing leaves through it but lists and watches. */
  readonly acting: KubeClient;
  readonly election: LeaderElection | undefined;
}

/** The lease has connections of its own, and waits for no limit. @throws {Error} naming what is wrong with the kubeconfig. */
export async function createApiClients(options: ApiClientsOptions): Promise<ApiClients> {
  const { kubeconfig, limits, clock, logger, metrics, tracer } = options;
  using stack = new DisposableStack();
  const connection = { ...kubeconfig, userAgent: "slipway-controller", metrics: apiMetrics(metrics), tracer };
  const pace = limits && new RequestPace(limits, clock);
  const client = stack.use(await createKubeClient({ ...connection, pace }));
  if (!options.election) {
    const made = stack.move();
    return { client, acting: client, election: undefined, [Symbol.dispose]: () => made.dispose() };
  }
  const requestTimeoutMs = leaseCallTimeoutMs(options.election);
  const election = createElection({
    ...{ ...options.election, clock, logger: logger.child({ part: "election" }) },
    client: stack.use(await createKubeClient({ ...connection, requestTimeoutMs })),
    gatewayUrl: options.gatewayUrl,
  });
  const fenced = stack.use(await createKubeClient({ ...connection, pace, fence: election }));
  const made = stack.move();
  return {
    client,
    acting: splitClient({ following: client, acting: fenced }),
    election,
    [Symbol.dispose]: () => made.dispose(),
  };
}
