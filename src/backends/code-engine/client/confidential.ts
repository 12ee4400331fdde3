import { inspect } from "node:util";

const MASK = "[redacted]";

/** A value that is shown only to who asks for it: not in logs, not in JSON, not to an inspector. */
export class Confidential<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toJSON(): string {
    return MASK;
  }

  toString(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
