import { type ChainTip, isAuthentic, parseLine } from "./audit-line.ts";

/** Something that is wrong with a log. */
export interface ChainProblem {
  /** Counted from 1; undefined where it is about no line in particular. */
  readonly line: number | undefined;
  readonly message: string;
}

/** Told; further ones say the same again. */
const MOST_PROBLEMS = 20;

/** Looks at the lines of one chain, one after the other. After a problem it goes on from what the line says of itself. */
export class ChainCheck {
  readonly #keys: readonly Uint8Array[];
  readonly #counted: (chain: string) => ChainTip | undefined;
  readonly #problems: ChainProblem[] = [];
  #lines = 0;
  #tip: ChainTip | undefined;

  /** `counted` answers the tip of a chain that is known from elsewhere. */
  constructor(keys: readonly Uint8Array[], counted: (chain: string) => ChainTip | undefined) {
    this.#keys = keys;
    this.#counted = counted;
  }

  get problems(): readonly ChainProblem[] {
    return this.#problems;
  }

  /** Undefined before the first line. */
  get tip(): ChainTip | undefined {
    return this.#tip;
  }

  /** `at` is its place in the file, where that differs. */
  add(text: string, at = this.#lines + 1): void {
    this.#lines = at;
    const line = parseLine(text);
    if (!line) {
      this.#tell("is no line of an audit log");
      return;
    }
    const before = this.#tip ?? { chain: line.chain, seq: 0, mac: "" };
    this.#tip = { chain: line.chain, seq: line.seq, mac: line.mac };
    if (line.chain !== before.chain) this.#tell(`is of another chain, ${line.chain}`);
    else if (line.seq !== before.seq + 1) this.#tell(placeProblem(before.seq + 1, line.seq));
    else if (!isAuthentic(line, before.mac, this.#keys)) {
      this.#tell("was not written like this: its mac does not fit it and the line before");
    } else {
      const counted = this.#counted(line.chain);
      if (counted?.seq === line.seq && counted.mac !== line.mac) this.#tell("is not the one that was counted");
    }
  }

  /** To be called after the last line: whether there are as many as were counted. */
  end(): void {
    if (!this.#tip) return;
    const { chain, seq } = this.#tip;
    const counted = this.#counted(chain);
    if (!counted) {
      this.#tell(`nobody knows of chain ${chain}: it is of another installation, or its count was removed`, false);
    } else if (counted.seq > seq) {
      const range = counted.seq === seq + 1 ? `line ${counted.seq} is` : `lines ${seq + 1} to ${counted.seq} are`;
      this.#tell(`${range} missing at the end: ${counted.seq} were counted`, false);
    }
  }

  #tell(message: string, atLine = true): void {
    if (this.#problems.length < MOST_PROBLEMS) {
      this.#problems.push({ line: atLine ? this.#lines : undefined, message });
    }
  }
}

function placeProblem(expected: number, found: number): string {
  if (found < expected) return `has number ${found} where ${expected} is due: it was moved, or repeated`;
  if (found === expected + 1) return `has number ${found}: number ${expected} is missing before it`;
  return `has number ${found}: numbers ${expected} to ${found - 1} are missing before it`;
}
