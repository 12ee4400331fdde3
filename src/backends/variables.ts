import type { Owner } from "./backend.ts";

/** Finds a deployment by its name, where that is one of the same namespace at the same place. */
export type FindSibling = (name: string) => Pick<Owner, "uid" | "name"> | undefined;

export interface ExpandedVariables {
  /** All that were given, with values in the place of references. */
  readonly env: Readonly<Record<string, string>>;
  /** What could not be told yet, for people; so much of the text stayed as it was. */
  readonly missing: readonly string[];
  /** Whether another look soon may tell more, of which nobody calls back. */
  readonly waits: boolean;
}

/** What only some places can do. */
export interface VariableExpander {
  /**
   * Puts what is known of the place and of siblings into values that the spec says literally. Asks the place before it says
   * that something is not known, so that what was known before a restart is known after it.
   * @throws {TerminalError} `InvalidSpec` for a reference that there is not.
   */
  expandVariables(
    env: Readonly<Record<string, string>>,
    siblings: FindSibling,
    signal: AbortSignal,
  ): Promise<ExpandedVariables>;
}

/** A literal value in parts. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  /** `${NAME}`, by itself. `text` is as it was written; `name` is empty where it is none. */
  | { readonly kind: "variable"; readonly text: string; readonly name: string }
  /** `HOST.${NAME}.svc.cluster.local`, whichever names the project: the address of something in it. */
  | { readonly kind: "address"; readonly text: string; readonly name: string; readonly host: string };

/** All references begin so, that other text with `${…}` stays plain. */
const OPEN = "${CE_";
/** Either names the project in an address. */
const OF_PROJECT: readonly string[] = ["CE_PROJECT_ID", "CE_SUBDOMAIN"];
/** Ends the address of all that runs in a project. */
export const PROJECT_DOMAIN = ".svc.cluster.local";
/** Of a RuntimeDeployment: 63 characters at most, the dot after it, and one more that shows a longer name to be none. */
const HOST_WINDOW = 65;
const WORD = /\w*/y;
const HOST = /(?:^|[^-._a-zA-Z0-9])([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?)\.$/;

/**
 * Pure. References in a literal value, and the text between them; `$${CE_` stands for the text `${CE_`. One that is not
 * closed has no name. Takes time in proportion to the value's length.
 */
export function partsOf(value: string): readonly Part[] {
  const parts: Part[] = [];
  let text = "";
  let from = 0;
  for (let at = value.indexOf(OPEN); at >= 0; at = value.indexOf(OPEN, from)) {
    if (at > from && value[at - 1] === "$") {
      text += `${value.slice(from, at - 1)}${OPEN}`;
      from = at + OPEN.length;
      continue;
    }
    text += value.slice(from, at);
    WORD.lastIndex = at + 2;
    const [word = ""] = WORD.exec(value) ?? [];
    const closed = value[WORD.lastIndex] === "}";
    const end = WORD.lastIndex + (closed ? 1 : 0);
    const name = closed ? word : "";
    const addresses = OF_PROJECT.includes(name) && value.startsWith(PROJECT_DOMAIN, end);
    const [, host] = addresses ? (HOST.exec(text.slice(-HOST_WINDOW)) ?? []) : [];
    from = host === undefined ? end : end + PROJECT_DOMAIN.length;
    if (host === undefined) parts.push({ kind: "text", text }, { kind: "variable", text: value.slice(at, end), name });
    else {
      const lead = text.slice(0, -host.length - 1);
      parts.push(
        { kind: "text", text: lead },
        { kind: "address", text: `${host}.${value.slice(at, from)}`, name, host },
      );
    }
    text = "";
  }
  return [...parts, { kind: "text" as const, text: text + value.slice(from) }].filter((part) => part.text !== "");
}

/** Whether there is anything in a literal value to be put in its place. Pure and cheap. */
export function hasReferences(value: string): boolean {
  return value.includes(OPEN);
}

/** Pure. Names of siblings whose addresses a literal value refers to. */
export function siblingsIn(value: string): readonly string[] {
  return hasReferences(value) ? partsOf(value).flatMap((part) => (part.kind === "address" ? [part.host] : [])) : [];
}
