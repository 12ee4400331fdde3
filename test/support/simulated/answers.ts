import type { Program } from "../memory-engine.ts";
import type { Change } from "./wire.ts";

/** What a controller process knows of the ports at which simulated workloads answer: probes ask it, and no network. */
export class Answers {
  readonly #byPort = new Map<number, Program["answers"]>();
  readonly #ports = new Map<string, readonly number[]>();

  take({ owner: { uid }, answers }: Change): void {
    for (const port of this.#ports.get(uid) ?? []) this.#byPort.delete(port);
    if (answers.length === 0) this.#ports.delete(uid);
    else
      this.#ports.set(
        uid,
        answers.map(([port]) => port),
      );
    for (const [port, said] of answers) this.#byPort.set(port, said);
  }

  at(port: number): Program["answers"] | undefined {
    return this.#byPort.get(port);
  }
}
