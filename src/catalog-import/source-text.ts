import { type Document, isNode, LineCounter, parseAllDocuments } from "yaml";

/** Largest catalog that is read, in characters. */
export const CATALOG_LIMIT = 1024 * 1024;
/** More references to anchors than that are an attempt to fill memory. */
const MAX_ALIASES = 100;

export type Path = readonly (string | number)[];

/** Everything that is wrong with a catalog, one line each: where, what, and the remedy. Shows no value of a variable. */
export class InvalidCatalog extends Error {
  override readonly name = "InvalidCatalog";

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** One YAML document, and where its parts stand. */
export class SourceText {
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines: LineCounter;

  /** @throws {InvalidCatalog} for what is no YAML, more than one document, or larger than anybody's catalog. */
  constructor(text: string) {
    if (text.length > CATALOG_LIMIT) throw new InvalidCatalog([`it has more than ${CATALOG_LIMIT} characters`]);
    const lineCounter = new LineCounter();
    try {
      const documents = [...parseAllDocuments(text, { lineCounter, merge: true, prettyErrors: false })];
      const [document, ...others] = documents;
      if (document === undefined || others.length > 0) throw new InvalidCatalog(["it must be one YAML document"]);
      const [error] = document.errors;
      // Not the parser's excerpt: it may show a password.
      if (error) {
        const { line, col } = lineCounter.linePos(error.pos[0]);
        throw new InvalidCatalog([`line ${line}, column ${col}: this is no YAML: ${error.code}`]);
      }
      this.value = document.toJS({ maxAliasCount: MAX_ALIASES });
      this.#document = document as Document;
      this.#lines = lineCounter;
    } catch (error) {
      if (error instanceof InvalidCatalog) throw error;
      // Of the parser and its stack, for what is nested or refers to itself without end.
      throw new InvalidCatalog(["its parts are nested, or refer to each other, more than this reads"]);
    }
  }

  /** The line of what stands at that path, or of what it would stand in. */
  lineOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return this.#lines.linePos(node.range[0]).line;
    }
    return 1;
  }
}
