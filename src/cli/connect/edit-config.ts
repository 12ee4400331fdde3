import { findNodeAtLocation, type Node, type ParseError, parse, parseTree, printParseErrorCode } from "jsonc-parser";
import { placeIn } from "../call-arguments.ts";
import type { ClientConfig } from "./client-config.ts";

export interface Wanted extends Pick<ClientConfig, "section" | "entry" | "inputs" | "allowsComments"> {
  readonly name: string;
  readonly url: string;
  /** Whether an entry that is there is replaced, wherever it points. */
  readonly force: boolean;
}

export type Edit =
  /** The whole file as it has to be. */
  | { readonly kind: "changed"; readonly text: string; readonly replaced: boolean }
  /** It points there already. What people made of it stays: a token that they put in, for example. */
  | { readonly kind: "unchanged" }
  /** Of that name, and it leads elsewhere. */
  | { readonly kind: "taken"; readonly by: string }
  /** The file is none that can be edited; `problem` says why and where. */
  | { readonly kind: "unreadable"; readonly problem: string };

type Members = Readonly<Record<string, unknown>>;

/**
 * A client's configuration with an entry for the server. Pure. Everything else stays as it is, to the byte: what is new goes
 * to the beginning of its section, where no comment is taken from what it speaks of. Comments are why this needs jsonc-parser,
 * which VS Code itself reads its files with.
 */
export function withServerEntry(text: string, wanted: Wanted): Edit {
  const { section, name, entry, inputs, force } = wanted;
  const bom = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  const body = text.slice(bom.length).trim() === "" ? "{}\n" : text.slice(bom.length);
  const read = readConfig(body, wanted);
  if ("problem" in read) return { kind: "unreadable", problem: read.problem };
  const { servers, inputIds } = read;
  const present = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (present !== undefined && !force) {
    const address = addressOf(present);
    return address === wanted.url ? { kind: "unchanged" } : { kind: "taken", by: address ?? "a program of its own" };
  }

  const missing = inputs.filter(({ id }) => !inputIds.has(id));
  let edited =
    present === undefined ? withMember(body, [section, name], entry) : withValue(body, [section, name], entry);
  for (const input of missing) edited = withMember(edited, ["inputs", 0], input);
  const written = (parse(edited) as Record<string, Members>)[section]?.[name];
  if (JSON.stringify(written) !== JSON.stringify(entry)) {
    return { kind: "unreadable", problem: `it has ${section}, or ${name} in it, twice` };
  }
  return { kind: "changed", text: bom + edited, replaced: present !== undefined };
}

/** A section, and the name of a member or the index of an item in it. */
type Place = readonly [section: string, key: string | number];

/** With a new first member or item of a section, which is made where there is none. */
function withMember(text: string, [section, key]: Place, value: unknown): string {
  const tree = parseTree(text) as Node;
  const at = findNodeAtLocation(tree, [section]);
  const isItem = typeof key === "number";
  if (at === undefined)
    return withFirst(text, tree, `${JSON.stringify(section)}: `, isItem ? [value] : { [key]: value });
  return withFirst(text, at, isItem ? "" : `${JSON.stringify(key)}: `, value);
}

function withFirst(text: string, { offset, children = [] }: Node, prefix: string, value: unknown): string {
  const { unit, eol } = styleOf(text);
  const outer = indentAt(text, offset);
  const inner = outer + unit;
  const comma = children.length > 0 ? "," : "";
  const member = `${eol}${inner}${prefix}${formatted(value, inner, { unit, eol })}${comma}`;
  const rest = text.slice(offset + 1);
  // A comment behind the bracket is about the whole.
  const [remark] = /^[ \t]*(\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/[ \t]*)?(?=\r?\n)/.exec(rest) ?? [];
  if (remark !== undefined) return text.slice(0, offset + 1) + remark + member + rest.slice(remark.length);
  const next = `${eol}${children.length > 0 ? inner : outer}`;
  return text.slice(0, offset + 1) + member + next + rest.replace(/^[ \t]+/, "");
}

function withValue(text: string, place: Place, value: unknown): string {
  const { offset, length } = findNodeAtLocation(parseTree(text) as Node, [...place]) as Node;
  const indented = formatted(value, indentAt(text, offset), styleOf(text));
  return text.slice(0, offset) + indented + text.slice(offset + length);
}

interface Style {
  readonly unit: string;
  readonly eol: string;
}

/** As the file is written already. */
function styleOf(text: string): Style {
  return { unit: /^([ \t]+)["/]/m.exec(text)?.[1] ?? "  ", eol: text.includes("\r\n") ? "\r\n" : "\n" };
}

function formatted(value: unknown, indent: string, { unit, eol }: Style): string {
  return JSON.stringify(value, null, unit).replaceAll("\n", eol + indent);
}

/** What the line begins with. */
function indentAt(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}

/** What an entry leads to, in whichever form: an address of its own, or one that a program gets as an argument. */
function addressOf(entry: unknown): string | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const { url, args } = entry as Members;
  if (typeof url === "string") return url;
  return Array.isArray(args) ? args.find((arg) => typeof arg === "string" && /^https?:\/\//.test(arg)) : undefined;
}

interface Config {
  readonly servers: Members;
  /** Of the inputs that it has already. */
  readonly inputIds: ReadonlySet<unknown>;
}

function readConfig(text: string, { section, allowsComments, inputs }: Wanted): Config | { readonly problem: string } {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, {
    disallowComments: !allowsComments,
    allowTrailingComma: allowsComments,
    allowEmptyContent: false,
  });
  const [first] = errors;
  if (first !== undefined) return { problem: `${placeIn(text, first.offset)}: ${printParseErrorCode(first.error)}` };
  if (!isMembers(value)) return { problem: "it is no JSON object" };
  const { [section]: servers = {}, inputs: asked = [] } = value;
  if (!isMembers(servers)) return { problem: `its ${section} is no JSON object` };
  if (inputs.length === 0) return { servers, inputIds: new Set() };
  if (!Array.isArray(asked)) return { problem: "its inputs is no JSON array" };
  return { servers, inputIds: new Set(asked.map((input: unknown) => (isMembers(input) ? input.id : undefined))) };
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
