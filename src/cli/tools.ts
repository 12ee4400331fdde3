import type { Tool, ToolList } from "../mcp-client/server-connection.ts";
import { type CommandContext, write } from "./command-context.ts";
import { type McpOptions, withServer } from "./mcp-access.ts";
import { outputFormat } from "./output-format.ts";
import { table } from "./table.ts";
import { firstWords, renderedSafely } from "./untrusted-output.ts";

/** As typed. */
export interface ToolsOptions extends McpOptions {
  /** table, json or yaml. Default table. */
  readonly output?: string;
}

const TIMEOUT_MS = 30_000;
/** Characters of a cell. */
const NAME_LENGTH = 64;
const ARGUMENTS_LENGTH = 40;
const DESCRIPTION_LENGTH = 80;

/**
 * `slipway tools NAME`: what a server offers, asked through the gateway. Answers the exit code.
 * @throws {UsageError} for what was typed. @throws {Error} where the server does not answer.
 */
export async function tools(options: ToolsOptions, context: CommandContext): Promise<number> {
  const output = outputFormat(options.output);
  const list = await withServer({ ...options, timeoutMs: TIMEOUT_MS }, context, ({ connection }) =>
    connection.listTools(),
  );
  await write(context, output === "table" ? toolTable(list) : renderedSafely(output, list));
  if (list.truncated) context.stderr.write(`only the first ${list.tools.length} tools are shown\n`);
  return 0;
}

/** For people: what a tool may not be called without comes first, the rest with a question mark. */
export function toolTable({ tools }: Pick<ToolList, "tools">): string {
  if (tools.length === 0) return "It offers no tools.\n";
  const rows = tools.map((tool) => [
    firstWords(tool.name, NAME_LENGTH),
    firstWords(argumentsOf(tool), ARGUMENTS_LENGTH) || "-",
    firstWords(tool.description ?? tool.title ?? "", DESCRIPTION_LENGTH),
  ]);
  return table([["NAME", "ARGUMENTS", "DESCRIPTION"], ...rows]);
}

function argumentsOf({ inputSchema }: Tool): string {
  const required = new Set(inputSchema.required ?? []);
  const names = Object.keys(inputSchema.properties ?? {});
  return [
    ...names.filter((name) => required.has(name)),
    ...names.filter((name) => !required.has(name)).map((name) => `${name}?`),
  ].join(", ");
}
