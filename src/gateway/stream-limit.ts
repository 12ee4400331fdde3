import { Refusal } from "./refusal.ts";

export interface Places {
  readonly perUser: number;
  readonly inAll: number;
}

/** Counts what is under way, so that no user takes the places of all. */
export class StreamLimit {
  readonly #byUser = new Map<string, number>();
  readonly #places: Places;
  #all = 0;

  constructor(places: Places) {
    this.#places = places;
  }

  /** Takes a place; the returned function gives it back, once. @throws {Refusal} 429 where there is none. */
  enter(username: string): () => void {
    const own = this.#byUser.get(username) ?? 0;
    if (own >= this.#places.perUser) throw tooMany(`user ${username} has ${own} requests open; end some first`);
    if (this.#all >= this.#places.inAll) throw tooMany("too many requests are open; try again later");
    this.#byUser.set(username, own + 1);
    this.#all += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#all -= 1;
      const rest = (this.#byUser.get(username) ?? 1) - 1;
      if (rest === 0) this.#byUser.delete(username);
      else this.#byUser.set(username, rest);
    };
  }
}

function tooMany(message: string): Refusal {
  return new Refusal(429, "TooManyRequests", message, { "retry-after": "1" });
}
