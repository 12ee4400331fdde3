import type { Fields } from "../../bridge/message.ts";

/** Which member of params the header Mcp-Name repeats, by method (revision 2026-07-28, standard request headers). */
const NAMED_BY: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

/** What does not fit into a header is wrapped like this. */
const WRAPPED = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/;
const LOOKS_WRAPPED = /^=\?base64\?.*\?=$/;

/**
 * What is wrong with the headers that repeat parts of the body, so that what routes by them and what works on the body see one
 * request. Undefined: nothing.
 */
export function mirrorFault(
  method: string,
  params: Fields | undefined,
  headers: { readonly method: string | undefined; readonly name: string | undefined },
): string | undefined {
  if (headers.method === undefined) return "the header Mcp-Method is missing";
  if (headers.method.trim() !== method) return "the header Mcp-Method names another method than the body";
  const member = Object.hasOwn(NAMED_BY, method) ? NAMED_BY[method] : undefined;
  const value = member === undefined ? undefined : params?.[member];
  if (typeof value !== "string") return undefined;
  if (headers.name === undefined) return "the header Mcp-Name is missing";
  const said = unwrapped(headers.name.trim());
  if (said === undefined) return "the header Mcp-Name is not valid Base64";
  return said === value ? undefined : `the header Mcp-Name names another ${member} than the body`;
}

function unwrapped(value: string): string | undefined {
  if (!LOOKS_WRAPPED.test(value)) return value;
  const [, packed] = WRAPPED.exec(value) ?? [];
  if (packed === undefined || packed.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(packed, "base64");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
