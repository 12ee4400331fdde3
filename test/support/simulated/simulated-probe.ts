import type { Probe } from "../../../src/probe/probe.ts";
import { ProbeError } from "../../../src/probe/probe-error.ts";
import type { McpFacts, ProbeTarget } from "../../../src/probe/prober.ts";
import type { Answers } from "./answers.ts";

/** A new one for each answer, as from a network: who keeps it may share it, who makes it does not. */
const facts = (): McpFacts => ({
  protocolVersion: "2026-07-28",
  serverInfo: { name: "simulated", version: "1" },
  tools: 2,
  toolNames: ["add", "echo"],
});

/** Asks a simulated workload. */
export class SimulatedProbe implements Probe {
  readonly #port: number;
  readonly #isMcp: boolean;
  readonly #answers: Answers;

  constructor(what: ProbeTarget["probe"], answers: Answers) {
    this.#port = portOf(what);
    this.#isMcp = what.kind === "mcp" || what.kind === "endpoint";
    this.#answers = answers;
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<McpFacts | undefined> {
    const said = this.#answers.at(this.#port);
    if (said === undefined) throw new ProbeError("ProbeRefused", "nothing listens on the port");
    if (said === "garbage") throw new ProbeError("ProbeInvalidAnswer", "something answered that is not MCP");
    if (said === "silent")
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    return this.#isMcp ? facts() : undefined;
  }

  async end(): Promise<void> {
    // A simulated server keeps nothing for a probe.
  }
}

function portOf(what: ProbeTarget["probe"]): number {
  if (what.kind === "tcp") return what.port;
  if (what.kind !== "endpoint") return Number(new URL(what.url).port);
  if (what.endpoint.kind === "stdio") throw new Error("a simulated workload has a port, and speaks HTTP");
  return Number(new URL(what.endpoint.url).port);
}
