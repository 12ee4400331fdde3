import type Docker from "dockerode";
import type { Clock } from "../../../machinery/clock.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";

/** How long an image that was seen counts as being there; one that vanishes sooner shows when a container is created. */
const SEEN_MS = 2_000;
const MAX_ENTRIES = 256;

/** An image that the Engine has. */
export interface LocalImage {
  /** What the Engine is asked for it by. */
  readonly name: string;
  readonly id: string;
  /** USER, as the image says it: a name or a number, with or without a group. Empty is root. */
  readonly user: string;
}

type Found = Docker.ImageInspectInfo | undefined;

/**
 * What the Engine has. Many deployments of one image ask at the same moment, so calls for the same reference are
 * shared; and what a digest names cannot change, so that answer is kept for a moment.
 */
export class LocalImages {
  readonly #engine: EngineClient;
  readonly #clock: Clock;
  readonly #lookups = new Map<string, { readonly answer: Promise<Found>; readonly atMs: number }>();

  constructor(engine: EngineClient, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** The image that the Engine knows by `reference`, if there is one. */
  async find(reference: string, signal: AbortSignal): Promise<Found> {
    const known = this.#lookups.get(reference);
    const fresh = known && this.#clock.monotonicMs() - known.atMs < SEEN_MS;
    const found = await (fresh ? known.answer : this.#look(reference));
    signal.throwIfAborted();
    return found;
  }

  /** Not with a caller's signal: others wait for the same answer. */
  #look(reference: string): Promise<Found> {
    const answer = this.#inspect(reference);
    const lookup = { answer, atMs: this.#clock.monotonicMs() };
    if (this.#lookups.size >= MAX_ENTRIES) this.#lookups.clear();
    this.#lookups.set(reference, lookup);
    const forget = (): void => {
      if (this.#lookups.get(reference) === lookup) this.#lookups.delete(reference);
    };
    // A tag may move and what is missing may arrive, so these answers serve only those who wait already.
    answer.then((found) => (found && reference.includes("sha256:") ? undefined : forget()), forget);
    return answer;
  }

  async #inspect(reference: string): Promise<Found> {
    const signal = new AbortController().signal;
    try {
      return await this.#engine.call("inspect an image", (docker) => docker.getImage(reference).inspect(), { signal });
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }
}
