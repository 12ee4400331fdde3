import type { Path, SourceText } from "./source-text.ts";

type Entries = readonly (readonly [string, unknown])[];

/** Told of at most so many problems; the rest is the same again. */
const MOST_PROBLEMS = 100;

/** Reads the fields of one mapping, and notes what is wrong with them under their paths. */
export class FieldReader {
  readonly #source: SourceText;
  readonly #problems: string[];
  readonly #path: Path;
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #read = new Set<string>();

  constructor(value: unknown, { source, problems, path }: { source: SourceText; problems: string[]; path: Path }) {
    this.#source = source;
    this.#problems = problems;
    this.#path = path;
    this.#fields = new Map(this.#entries(value, path, "must be a mapping of fields"));
  }

  /** A field is wrong. */
  refuse(field: string | Path, message: string): void {
    this.#note([...this.#path, ...(typeof field === "string" ? [field] : field)], message);
  }

  /** Text that is not empty; undefined where it is missing, which is noted where it is `required`. */
  text(field: string, required?: "required"): string | undefined {
    const value = this.#take(field, required);
    if (value === undefined) return undefined;
    if (typeof value === "string" && value !== "") return value;
    this.refuse(field, "must be text; where it looks like a number or a date, write it in quotes");
    return undefined;
  }

  texts(field: string): string[] {
    const value = this.#take(field) ?? [];
    if (!Array.isArray(value)) {
      this.refuse(field, "must be a list");
      return [];
    }
    return value.filter((item, at): item is string => {
      if (typeof item === "string") return true;
      this.refuse([field, at], "must be text; where it looks like a number or a date, write it in quotes");
      return false;
    });
  }

  /** Names and texts, in their order. */
  textsByName(field: string): [name: string, value: string][] {
    const value = this.#take(field);
    const entries = value === undefined ? [] : this.#entries(value, [...this.#path, field], "must be a mapping");
    return entries.flatMap(([name, text]) => {
      if (typeof text === "string") return [[name, text] as [string, string]];
      this.refuse([field, name], "must be text; where it looks like a number or a date, write it in quotes");
      return [];
    });
  }

  /** A mapping of its own. */
  within(field: string): FieldReader | undefined {
    const value = this.#take(field, "required");
    if (value === undefined) return undefined;
    return new FieldReader(value, { source: this.#source, problems: this.#problems, path: [...this.#path, field] });
  }

  /** To be called last: what nobody has asked for is a mistake, or something that is not known here. */
  done(where: string, alsoKnown: readonly string[] = []): void {
    for (const field of this.#fields.keys()) {
      if (!this.#read.has(field) && !alsoKnown.includes(field)) this.refuse(field, `is no field of ${where}`);
    }
  }

  #take(field: string, required?: "required"): unknown {
    this.#read.add(field);
    const value = this.#fields.get(field) ?? undefined;
    if (value === undefined && required) this.refuse(field, "is required");
    return value;
  }

  #entries(value: unknown, path: Path, otherwise: string): Entries {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.entries(value);
    this.#note(path, otherwise);
    return [];
  }

  #note(path: Path, message: string): void {
    if (this.#problems.length >= MOST_PROBLEMS) return;
    this.#problems.push(`line ${this.#source.lineOf(path)}: ${written(path)}: ${message}`);
  }
}

/** `servers[2].runtime.url`. */
function written(path: Path): string {
  if (path.length === 0) return "the catalog";
  const parts = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part).slice(0, 64)}`));
  return parts.join("").replace(/^\./, "");
}
