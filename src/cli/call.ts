import { McpFailure } from "../mcp-client/mcp-failure.ts";
import type { CallToolResult, ToolList } from "../mcp-client/server-connection.ts";
import { callArguments } from "./call-arguments.ts";
import { resultText } from "./call-result.ts";
import { type CommandContext, write } from "./command-context.ts";
import { type McpOptions, withServer } from "./mcp-access.ts";
import { typedValue } from "./typed-value.ts";
import { renderedSafely, terminalText } from "./untrusted-output.ts";
import { UsageError } from "./usage-error.ts";
import { visible } from "./visible-text.ts";

/** As typed. */
export interface CallOptions extends McpOptions {
  readonly tool: string;
  /** A JSON object, `@file`, or `-` for standard input. Default: no arguments. */
  readonly args?: string;
  /** Seconds. Default 60. */
  readonly timeout?: string;
  /** text, json or yaml. Default text. */
  readonly output?: string;
}

export interface CallContext extends CommandContext {
  readonly stdin: AsyncIterable<Uint8Array | string>;
}

const LONGEST_S = 24 * 60 * 60;
/** Names of tools in one message. */
const NAMED = 20;

/**
 * `slipway call NAME TOOL`: calls a tool through the gateway and prints what it answers. Answers the exit code: 1 where the
 * tool says that it failed. Ended by the signal, the server is told that nobody waits any more.
 * @throws {UsageError} for what was typed. @throws {Error} where the server does not answer, or has no such tool.
 */
export async function call(options: CallOptions, context: CallContext): Promise<number> {
  const output = formatOf(options.output);
  const timeoutMs = secondsOf(options.timeout) * 1_000;
  const args = callArguments(await typedValue("--args", options.args ?? "{}", context.stdin));
  const result = await withServer({ ...options, timeoutMs }, context, async ({ connection, namespace, name }) => {
    const list = await connection.listTools();
    const definition = list.tools.find((tool) => tool.name === options.tool);
    if (definition === undefined && !list.truncated) throw unknownTool(options.tool, `${namespace}/${name}`, list);
    try {
      return await connection.callTool({ name: options.tool, definition }, args);
    } catch (error) {
      if (!(error instanceof McpFailure) || error.kind !== "rpc-error") throw error;
      throw new Error(`${namespace}/${name}: tool ${visible(options.tool)}: ${visible(error.message)}`, {
        cause: error,
      });
    }
  });
  await show(result, output, context);
  if (result.isError !== true) return 0;
  context.stderr.write(`slipway: tool ${visible(options.tool)} says that it failed\n`);
  return 1;
}

async function show(result: CallToolResult, output: "text" | "json" | "yaml", context: CommandContext): Promise<void> {
  if (output !== "text") return await write(context, renderedSafely(output, result));
  const text = resultText(result);
  // Whoever pipes it wants what the tool said; on a terminal it must not steer the terminal.
  await write(context, context.stdout.isTTY === true ? terminalText(text) : text);
}

function formatOf(output = "text"): "text" | "json" | "yaml" {
  if (output === "text" || output === "json" || output === "yaml") return output;
  throw new UsageError(`-o: ${JSON.stringify(output)} is not known; write text, json or yaml`);
}

function secondsOf(typed = "60"): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(typed) ? Number(typed) : 0;
  if (seconds > 0 && seconds <= LONGEST_S) return seconds;
  throw new UsageError(
    `--timeout: ${JSON.stringify(typed)} is no number of seconds from 0.001 to ${LONGEST_S}; write for example 60`,
  );
}

function unknownTool(typed: string, server: string, { tools }: ToolList): Error {
  const what = `${server} has no tool ${JSON.stringify(typed)}`;
  if (tools.length === 0) return new Error(`${what}; it offers no tools`);
  const names = tools.slice(0, NAMED).map(({ name }) => visible(name.slice(0, 64)));
  const more = tools.length > NAMED ? ` and ${tools.length - NAMED} more` : "";
  return new Error(`${what}; it has ${names.join(", ")}${more}; 'slipway tools' tells more`);
}
