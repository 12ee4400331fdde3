import { type SecretForm, secretForms } from "./secret-forms.ts";

/** Something that people, or other programs, can read. */
export interface Trace {
  readonly where: string;
  readonly text: string;
}

export interface Leak {
  readonly where: string;
  /** What the secret is, and how it is written there. Not the secret: this is printed. */
  readonly what: string;
}

/** An emulator may run for days: the oldest are forgotten. */
const MOST_SECRETS = 10_000;

/**
 * Knows every secret of a test file and everything that could show one. What issues or receives secrets has it `learn` them;
 * what can be read is given to `inspect`, or named once to `witness` and then looked at when the file ends.
 */
export class SecretWatch {
  readonly #secrets = new Map<string, { readonly name: string; readonly forms: readonly SecretForm[] }>();
  readonly #witnesses: (() => Iterable<Trace>)[] = [];

  /** Whether there is anything to find. */
  get isAwake(): boolean {
    return this.#secrets.size > 0;
  }

  /** `name` says what it is, for people. */
  learn(name: string, value: string): void {
    if (this.#secrets.has(value)) return;
    this.#secrets.set(value, { name, forms: secretForms(value) });
    const [oldest] = this.#secrets.keys();
    if (this.#secrets.size > MOST_SECRETS && oldest !== undefined) this.#secrets.delete(oldest);
  }

  /** Looked at by `settle`. */
  witness(look: () => Iterable<Trace>): void {
    this.#witnesses.push(look);
  }

  /** What was witnessed so far, by a test that leaks on purpose. */
  forget(): void {
    this.#witnesses.length = 0;
  }

  leaksIn(traces: Iterable<Trace>): Leak[] {
    return [...traces].flatMap(({ where, text }) =>
      [...this.#secrets.values()].flatMap(({ name, forms }) => {
        const found = forms.find((form) => text.includes(form.text));
        return found ? [{ where, what: `${name}, as ${found.as}` }] : [];
      }),
    );
  }

  /** @throws {Error} naming what is shown where. */
  inspect(traces: Iterable<Trace>): void {
    const leaks = this.leaksIn(traces);
    if (leaks.length === 0) return;
    const told = leaks.slice(0, 20).map(({ where, what }) => `  ${where} shows ${what}`);
    throw new Error(`${leaks.length} secrets are shown:\n${told.join("\n")}`);
  }

  /** Looks at all witnesses. @throws as `inspect`. */
  settle(): void {
    if (this.isAwake) this.inspect(this.#witnesses.flatMap((look) => [...look()]));
  }
}

/** Of this test file: each has modules of its own. */
export const secretWatch = new SecretWatch();
