import type { Clock } from "../../machinery/clock.ts";
import type { Entry, ExternalGateway } from "./external-gateway.ts";

/** How old a list may be that only shows what others have. What came in between the gateway itself refuses. */
const RECENT_MS = 30_000;

/**
 * The lists of one gateway. Ten thousand deployments that are registered in one go must not read ten thousand entries each;
 * who may have something there already needs a list that begins now.
 */
export class EntryLists {
  readonly #client: Pick<ExternalGateway, "list">;
  readonly #clock: Clock;
  #recent: readonly Entry[] | undefined;
  #keepOn: (() => void) | undefined;

  constructor(client: Pick<ExternalGateway, "list">, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async now(signal: AbortSignal): Promise<readonly Entry[]> {
    const entries = await this.#client.list(signal);
    this.#keepOn?.();
    this.#recent = entries;
    this.#keepOn = this.#clock.schedule(RECENT_MS, () => {
      this.#recent = undefined;
    });
    return entries;
  }

  async recent(signal: AbortSignal): Promise<readonly Entry[]> {
    return this.#recent ?? (await this.now(signal));
  }
}
