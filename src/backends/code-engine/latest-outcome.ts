import type { Aspect } from "../backend.ts";

/** How the last use of an optional part went, for its condition. Nothing asks for that alone. */
export class LatestOutcome {
  readonly #type: string;
  #aspect: Aspect | undefined;

  constructor(type: string) {
    this.#type = type;
  }

  /** Undefined before the first use. */
  get aspect(): Aspect | undefined {
    return this.#aspect;
  }

  /** The same object while nothing changes. */
  worked(message: string): void {
    this.#set({ available: true, reason: "Available", message });
  }

  failed(reason: string, message: string): void {
    this.#set({ available: false, reason, message });
  }

  #set(outcome: Omit<Aspect, "type">): void {
    this.#aspect = { type: this.#type, ...outcome };
  }
}
