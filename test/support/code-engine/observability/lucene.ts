/** One condition: a field has a value, or contains it where it ends in `*`. */
export interface Term {
  readonly field: string;
  readonly value: string;
}

/**
 * Reads `field:"value" AND field:value …`, the part of Lucene that the documentation uses.
 * @throws {SyntaxError} for everything else
 */
export function parseLucene(query: string): Term[] {
  if (query.trim() === "") return [];
  return query.split(/\s+AND\s+/).map((part) => {
    const [, field, quoted, bare] = /^\s*([\w.]+):(?:"([^"]*)"|([^\s"():]+))\s*$/.exec(part) ?? [];
    const value = quoted ?? bare;
    if (field === undefined || value === undefined) throw new SyntaxError(`cannot read '${part}'`);
    return { field, value };
  });
}
