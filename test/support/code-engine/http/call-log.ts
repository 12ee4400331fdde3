import type { Surface } from "./faults.ts";

/** One call that reached the emulator. Bodies and headers that carry secrets are not kept. */
export interface Call {
  readonly surface: Surface;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly at: Date;
  readonly userAgent: string;
  /** Undefined while it is under way, and where the connection broke. */
  status?: number;
}

export interface CallFilter {
  /** The API unless told otherwise. */
  readonly surface?: Surface;
  readonly method?: string;
  /** Of the path without the query; a string must be its end. */
  readonly path?: string | RegExp;
  readonly since?: Date;
}

const WRITES: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);
/** The oldest go first, so that an emulator may run for days. */
const CAPACITY = 100_000;

/** A record of all calls, for tests to count. */
export class CallLog {
  #calls: Call[] = [];

  get all(): readonly Call[] {
    return this.#calls;
  }

  add(call: Call): Call {
    if (this.#calls.length >= CAPACITY) this.#calls = this.#calls.slice(CAPACITY / 2);
    this.#calls.push(call);
    return call;
  }

  clear(): void {
    this.#calls = [];
  }

  matching({ surface = "api", method, path, since }: CallFilter = {}): Call[] {
    return this.#calls.filter(
      (call) =>
        call.surface === surface &&
        (method === undefined || call.method === method) &&
        (path === undefined || (typeof path === "string" ? call.path.endsWith(path) : path.test(call.path))) &&
        (since === undefined || call.at >= since),
    );
  }

  count(filter: CallFilter = {}): number {
    return this.matching(filter).length;
  }

  /** Calls that change something. */
  writes(filter: Omit<CallFilter, "method"> = {}): Call[] {
    return this.matching(filter).filter(({ method }) => WRITES.has(method));
  }
}
