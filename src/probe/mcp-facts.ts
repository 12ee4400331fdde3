import type { McpFacts } from "./prober.ts";

/** Names kept for the status; its schema allows as many. */
const NAMES_KEPT = 64;
/** Characters kept of any name or version that a server gives. The specification names 128 for tools. */
const NAME_LENGTH = 128;
/** Where counting ends: a list that goes on is a server's fault, and no client shows more. */
const TOOLS_COUNTED = 10_000;
const PAGES_READ = 100;

/** Counts tools page by page, and says when enough was read. */
export class ToolCount {
  readonly #names: string[] = [];
  #tools = 0;
  #pages = 0;

  add(names: Iterable<string>): void {
    this.#pages += 1;
    for (const name of names) {
      this.#tools = Math.min(this.#tools + 1, TOOLS_COUNTED);
      if (this.#names.length < NAMES_KEPT) this.#names.push(printable(name));
    }
  }

  get full(): boolean {
    return this.#pages >= PAGES_READ || this.#tools >= TOOLS_COUNTED;
  }

  get facts(): Pick<McpFacts, "tools" | "toolNames"> {
    return { tools: this.#tools, toolNames: this.#names };
  }
}

/**
 * A name as it may be shown: bounded, without control characters, line separators and the marks that reverse the
 * direction of text, which could forge lines of a log or a terminal.
 */
export function printable(name: string): string {
  return name
    .slice(0, NAME_LENGTH)
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, "")
    .trim();
}

export function sameFacts(a: McpFacts | undefined, b: McpFacts | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.protocolVersion === b.protocolVersion &&
    a.serverInfo.name === b.serverInfo.name &&
    a.serverInfo.version === b.serverInfo.version &&
    a.tools === b.tools &&
    a.toolNames.length === b.toolNames.length &&
    a.toolNames.every((name, index) => name === b.toolNames[index])
  );
}
