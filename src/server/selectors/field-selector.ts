import { badRequest } from "../http/status-error.ts";

/** One condition of a field selector, such as `spec.mode!=Slow`. */
export interface FieldRequirement {
  readonly path: string;
  readonly value: string;
  readonly negated: boolean;
}

/** Decides by an object's fields. Fields that are not there count as empty. */
export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  matches(object: object): boolean;
  /** The name that the selector pins, so that a watch of one object need not look at others. */
  readonly name: string | undefined;
}

/**
 * Parses the `fieldSelector` parameter: `metadata.name=a,spec.mode!=Slow`. Empty text selects everything. `\` escapes
 * `\`, `,` and `=` in values. @throws {StatusError} 400 with kube-apiserver's message.
 */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements = splitTerms(text)
    .filter((term) => term !== "")
    .map((term) => parseTerm(term, text));
  return {
    requirements,
    matches: (object) =>
      requirements.every(({ path, value, negated }) => (fieldText(object, path) === value) !== negated),
    name: requirements.find(({ path, negated }) => path === "metadata.name" && !negated)?.value,
  };
}

/**
 * Refuses fields that the kind cannot be selected by. `selectable` lists those beyond name and namespace, with or without
 * a leading dot. @throws {StatusError} 400
 */
export function checkSelectableFields({ requirements }: FieldSelector, selectable: readonly string[]): void {
  const known = new Set(["metadata.name", "metadata.namespace", ...selectable.map((path) => path.replace(/^\./, ""))]);
  for (const { path } of requirements) if (!known.has(path)) throw badRequest(`field label not supported: ${path}`);
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === ",") {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function parseTerm(term: string, selector: string): FieldRequirement {
  const match = /^([^=!]*)(==|!=|=)(.*)$/s.exec(term);
  const value = unescapeValue(match?.[3] ?? "");
  if (match === null || value === undefined) {
    throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`);
  }
  return { path: match[1] as string, value, negated: match[2] === "!=" };
}

/** Undefined for an `=` that should have been escaped, and for an escape of anything else. */
function unescapeValue(text: string): string | undefined {
  if (/(?:^|[^\\])(?:\\\\)*=/.test(text)) return undefined;
  let valid = true;
  const value = text.replaceAll(/\\(.?)/gs, (_, character: string) => {
    if (character !== "\\" && character !== "," && character !== "=") valid = false;
    return character;
  });
  return valid ? value : undefined;
}

function fieldText(object: object, path: string): string {
  let value: unknown = object;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return "";
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === "string" ? value : value === undefined || value === null ? "" : String(value);
}
