import type { WorkloadEndpoint } from "../backends/workload-endpoint.ts";

/** What is asked of a workload, and how often. Durations are milliseconds. */
export interface ProbeTarget {
  /** Names the process that answers: a new container, or the same one started again, is another. What is remembered (era, session) ends with it. */
  readonly instance: string;
  readonly probe:
    | { readonly kind: "mcp"; readonly transport: "streamable-http" | "sse"; readonly url: string }
    /** MCP at an endpoint that only the gateway can speak to. */
    | { readonly kind: "endpoint"; readonly endpoint: WorkloadEndpoint }
    | { readonly kind: "http"; readonly url: string }
    | { readonly kind: "tcp"; readonly host: string; readonly port: number };
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

/** What an MCP server said of itself. */
export interface McpFacts {
  readonly protocolVersion: string;
  readonly serverInfo: { readonly name: string; readonly version: string };
  /** Undefined where the server does not offer tools. */
  readonly tools: number | undefined;
  /** The first 64. */
  readonly toolNames: readonly string[];
}

export type ProbeFailureReason = "ProbeTimeout" | "ProbeRefused" | "ProbeInvalidAnswer";

/** What the probes so far amount to. Ready turns on with the first success and off after `failureThreshold` failures in a row. */
export type ProbeVerdict =
  /** Not one answer yet; `failure` is the last attempt's, if there was one. */
  | { readonly kind: "pending"; readonly failures: number; readonly failure: ProbeFailure | undefined }
  | { readonly kind: "ready"; readonly mcp: McpFacts | undefined }
  | { readonly kind: "failed"; readonly failure: ProbeFailure };

export interface ProbeFailure {
  readonly reason: ProbeFailureReason;
  /** What happened and what to look at; never the body of an answer, nor a header. */
  readonly message: string;
}

/**
 * Probes many workloads, each on its own schedule: often until the first success (from 100 ms, backing off to the period), then once a period
 * with jitter. One timer serves all. Results stay in memory; `onChange` is told only when a verdict becomes another.
 */
export interface Prober extends AsyncDisposable {
  /** Begins, or goes on when the target is the same. Another instance starts afresh; another schedule keeps the verdict. */
  watch(key: string, target: ProbeTarget): void;
  verdict(key: string): ProbeVerdict | undefined;
  /** Asks again at once, for example because the container changed. */
  hurry(key: string): void;
  /** Stops probing and ends a session that is kept. */
  forget(key: string): void;
  onChange(callback: (key: string) => void): void;
}
