import type { WorkloadEndpoint } from "../backends/workload-endpoint.ts";

/**
 * Which deployments there are and how they are reached, as far as this process knows now: a cache, no call and no wait.
 * The gateway asks nothing else about them.
 */
export interface Directory {
  get(namespace: string, name: string): Endpoint | undefined;
  list(): readonly Endpoint[];
  /** Called after the directory has the change: made, changed or gone. The returned function ends that. */
  onChange(handler: (key: EndpointKey) => void): () => void;
  /** False until all deployments are known: until then, what is missing may exist. */
  hasSynced(): boolean;
}

export interface EndpointKey {
  readonly namespace: string;
  readonly name: string;
}

/** One deployment. Plain data: it crosses threads. */
export interface Endpoint extends EndpointKey {
  readonly uid: string;
  readonly state: EndpointState;
  /** Present where it is ready; may be present where it is not. */
  readonly upstream: WorkloadEndpoint | undefined;
  /** What the server said of itself when it was last asked. */
  readonly protocolVersion: string | undefined;
  readonly tools: number | undefined;
  /** It serves, and this process does not know how it is reached: the one whose controllers run does, or soon will. */
  readonly elsewhere?: true;
  /** What serves may soon be another server, or none. */
  readonly changing?: true;
}

/** `reason` and `message` are those of its Ready condition. */
export type EndpointState =
  | { readonly ready: true }
  | {
      readonly ready: false;
      readonly reason: string;
      readonly message: string;
      readonly retryAfterSeconds: number;
    };

/** Where a deployment is served, below the gateway's own URL. */
export function endpointPath({ namespace, name }: EndpointKey): string {
  return `/${namespace}/${name}/mcp`;
}
