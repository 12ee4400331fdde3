import type { McpFacts, Prober, ProbeTarget, ProbeVerdict } from "../../src/probe/prober.ts";
import type { MemoryEngine } from "./memory-engine.ts";

export const MCP_FACTS: McpFacts = {
  protocolVersion: "2026-07-28",
  serverInfo: { name: "memory", version: "1" },
  tools: 2,
  toolNames: ["add", "echo"],
};

interface Watched {
  target: ProbeTarget;
  verdict: ProbeVerdict;
}

/** Asks the programs of a MemoryEngine, whenever a test says so. Its verdicts follow the promises of Prober. */
export class MemoryProber implements Prober {
  readonly #engine: MemoryEngine;
  readonly watched = new Map<string, Watched>();
  #listener: (key: string) => void = () => undefined;

  constructor(engine: MemoryEngine) {
    this.#engine = engine;
  }

  watch(key: string, target: ProbeTarget): void {
    const known = this.watched.get(key);
    if (known?.target.instance === target.instance) known.target = target;
    else this.watched.set(key, { target, verdict: { kind: "pending", failures: 0, failure: undefined } });
  }

  verdict(key: string): ProbeVerdict | undefined {
    return this.watched.get(key)?.verdict;
  }

  hurry(): void {
    this.poll();
  }

  forget(key: string): void {
    this.watched.delete(key);
  }

  onChange(callback: (key: string) => void): void {
    this.#listener = callback;
  }

  /** One round of probes. */
  poll(): void {
    for (const [key, watched] of this.watched) {
      const before = watched.verdict;
      watched.verdict = this.#next(watched);
      if (before.kind !== watched.verdict.kind) this.#listener(key);
    }
  }

  #next({ target, verdict }: Watched): ProbeVerdict {
    const { probe } = target;
    const container = this.#asked(probe);
    const answers = this.#isElsewhere(probe) ? "mcp" : container && this.#engine.program(container).answers;
    if (answers === "mcp")
      return { kind: "ready", mcp: probe.kind === "mcp" || probe.kind === "endpoint" ? MCP_FACTS : undefined };
    const failure = !container
      ? { reason: "ProbeRefused" as const, message: "nothing listens on the port" }
      : answers === "garbage"
        ? { reason: "ProbeInvalidAnswer" as const, message: "something answered that is not MCP" }
        : { reason: "ProbeTimeout" as const, message: "no answer in time" };
    if (verdict.kind === "pending") return { kind: "pending", failures: verdict.failures + 1, failure };
    return { kind: "failed", failure };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.watched.clear();
  }

  /** Whether it is a server that somebody else runs, and that answers. */
  #isElsewhere(probe: ProbeTarget["probe"]): boolean {
    return probe.kind === "endpoint" && probe.endpoint.kind === "http" && this.#engine.remotes.has(probe.endpoint.url);
  }

  #asked(probe: ProbeTarget["probe"]) {
    if (probe.kind === "tcp") return this.#engine.at(`${probe.host}:${probe.port}`);
    if (probe.kind !== "endpoint") return this.#engine.at(new URL(probe.url).host);
    const { endpoint } = probe;
    return endpoint.kind === "stdio" ? this.#engine.containers.get(endpoint.id) : undefined;
  }
}
