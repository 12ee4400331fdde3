/** Which of the emulated services a call went to. */
export type Surface = "api" | "iam" | "proxy" | "logs" | "monitoring";

/** `when`: whether the call has done its work already. Times are of the emulator's clock. */
export type FaultEffect =
  | {
      readonly type: "status";
      readonly status: number;
      readonly retryAfterSeconds?: number;
      readonly when?: "before" | "after";
    }
  /** The connection breaks and no answer comes. */
  | { readonly type: "reset"; readonly when: "before" | "after" }
  | { readonly type: "latency"; readonly ms: number }
  /** The answer's body comes in pieces. */
  | { readonly type: "slow-body"; readonly chunkBytes: number; readonly everyMs: number };

export interface FaultRule {
  /** The API unless told otherwise. */
  readonly surface?: Surface;
  readonly method?: string;
  /** Of the path without the query; a string must be its end. */
  readonly path?: string | RegExp;
  /** So many matching calls pass first. */
  readonly skip?: number;
  /** So many matching calls meet it; one unless told otherwise. */
  readonly count?: number;
  readonly effect: FaultEffect;
}

export interface Fault {
  readonly hits: number;
  remove(): void;
}

class PlacedFault implements Fault {
  hits = 0;
  readonly rule: FaultRule;
  readonly #remove: (fault: PlacedFault) => void;
  #seen = 0;

  constructor(rule: FaultRule, remove: (fault: PlacedFault) => void) {
    this.rule = rule;
    this.#remove = remove;
  }

  remove(): void {
    this.#remove(this);
  }

  /** Counts a matching call, and says whether this is one that it strikes. */
  strikes(surface: Surface, method: string, path: string): boolean {
    if (!matches(this.rule, { surface, method, path })) return false;
    this.#seen += 1;
    const { skip = 0, count = 1 } = this.rule;
    if (this.#seen <= skip || this.#seen > skip + count) return false;
    this.hits += 1;
    return true;
  }
}

/** Faults on demand. Of several that match a call the first one strikes, and only it counts the call. */
export class Faults {
  #placed: PlacedFault[] = [];

  add(rule: FaultRule): Fault {
    const fault = new PlacedFault(rule, (other) => {
      this.#placed = this.#placed.filter((placed) => placed !== other);
    });
    this.#placed.push(fault);
    return fault;
  }

  clear(): void {
    this.#placed = [];
  }

  /** The effect that this call meets. */
  strike(surface: Surface, method: string, path: string): FaultEffect | undefined {
    return this.#placed.find((fault) => fault.strikes(surface, method, path))?.rule.effect;
  }
}

function matches(rule: FaultRule, call: { surface: Surface; method: string; path: string }): boolean {
  if ((rule.surface ?? "api") !== call.surface) return false;
  if (rule.method !== undefined && rule.method !== call.method) return false;
  const { path } = rule;
  if (path === undefined) return true;
  return typeof path === "string" ? call.path.endsWith(path) : path.test(call.path);
}
