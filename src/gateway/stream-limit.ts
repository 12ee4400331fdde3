import { Refusal } from "./refusal.ts";

/** Requests of one user at once, and of all. A log that is followed counts until it ends. */
const PER_USER = 16;
const IN_ALL = 256;

/** Counts what is under way, so that no user takes the places of all. */
export class StreamLimit {
  readonly #byUser = new Map<string, number>();
  #all = 0;

  /** Takes a place; the returned function gives it back, once. @throws {Refusal} 429 where there is none. */
  enter(username: string): () => void {
    const own = this.#byUser.get(username) ?? 0;
    if (own >= PER_USER) throw tooMany(`user ${username} has ${own} requests open; end some first`);
    if (this.#all >= IN_ALL) throw tooMany("too many requests are open; try again later");
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
