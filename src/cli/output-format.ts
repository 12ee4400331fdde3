import { stringify } from "yaml";
import { UsageError } from "./usage-error.ts";

export type OutputFormat = "table" | "json" | "yaml";

/** What `-o` asks for. @throws {UsageError} */
export function outputFormat(output = "table"): OutputFormat {
  if (output === "table" || output === "json" || output === "yaml") return output;
  throw new UsageError(`-o: ${JSON.stringify(output)} is not known; write table, json or yaml`);
}

/** A value for programs. */
export function rendered(output: "json" | "yaml", value: object): string {
  return output === "json" ? `${JSON.stringify(value, null, 2)}\n` : stringify(value);
}
