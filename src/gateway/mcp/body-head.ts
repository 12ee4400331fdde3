import { BytePieces } from "../../machinery/byte-pieces.ts";
import { type RequestId, requestIdsIn } from "./json-rpc.ts";

/** A body that is larger keeps its ids to itself. */
export const LARGEST_KEPT = 64 * 1024;

/**
 * Holds on to a small body while it passes by, so that a failure can be told under the ids of its requests. It is read
 * only then.
 */
export class BodyHead {
  readonly #kept = new BytePieces();
  #bytes = 0;
  #isWhole = false;

  keep(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= LARGEST_KEPT) this.#kept.push(chunk);
    else this.#kept.clear();
  }

  /** Of the whole body so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Ends the body: what it was, at most 64 KiB. */
  whole(): Buffer {
    this.#isWhole = true;
    return this.#together();
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  requestIds(): readonly RequestId[] {
    return this.#bytes > LARGEST_KEPT ? [] : requestIdsIn(this.#together().toString());
  }

  #together(): Buffer {
    const whole = this.#kept.take();
    this.#kept.push(whole);
    return whole;
  }
}
