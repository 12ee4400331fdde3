import { PassThrough } from "node:stream";
import type Docker from "dockerode";

export interface EngineEvent {
  readonly action: string;
  readonly containerId: string;
}

/** Everything that happens on an Engine to containers with a label, from now until disposal. */
export class EngineEvents implements Disposable {
  readonly all: EngineEvent[] = [];
  readonly #stream: PassThrough;

  private constructor(source: NodeJS.ReadableStream) {
    this.#stream = source.pipe(new PassThrough());
    this.#stream.once("close", () => (source as unknown as { destroy(): void }).destroy());
    let rest = "";
    this.#stream.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines.filter((each) => each !== "")) {
        const { Action, Actor } = JSON.parse(line) as { Action: string; Actor: { ID: string } };
        this.all.push({ action: Action, containerId: Actor.ID });
      }
    });
  }

  static async record(engine: Docker, labels: readonly string[]): Promise<EngineEvents> {
    return new EngineEvents(
      await engine.getEvents({ filters: JSON.stringify({ type: ["container"], label: labels }) }),
    );
  }

  count(action: string): number {
    return this.all.filter((event) => event.action === action).length;
  }

  [Symbol.dispose](): void {
    this.#stream.destroy();
  }
}
