import { execFileSync } from "node:child_process";
import { requireTool } from "./tool.ts";

export interface ArgoHealth {
  readonly status: string;
  readonly message: string;
}

const TIMEOUT_MS = 10_000;

/**
 * Runs a health check as Argo CD does: Lua 5.1, with the object as `obj`, and of Lua's libraries only the basic one and tables.
 * @throws {Error} with what Lua said.
 */
export function argoHealth(script: string, object: object): ArgoHealth {
  const program = `
local check = assert(loadstring(${luaOf(script)}, "health"))
setfenv(check, { obj = ${luaOf(object)}, ipairs = ipairs, pairs = pairs, type = type, tostring = tostring, tonumber = tonumber, table = table })
local health = check()
io.write(health.status, "\\n", health.message)
`;
  const output = execFileSync(requireTool("lua5.1", "lua5.1"), ["-"], {
    input: program,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const [status = "", ...message] = output.split("\n");
  return { status, message: message.join("\n") };
}

/** A JSON value as Lua writes it; null is absent, as in Argo CD. */
function luaOf(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value === "string")
    return `"${[...Buffer.from(value)].map((byte) => `\\${String(byte).padStart(3, "0")}`).join("")}"`;
  if (Array.isArray(value)) return `{${value.map(luaOf).join(", ")}}`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([key, member]) => `[${luaOf(key)}] = ${luaOf(member)}`)
      .join(", ")}}`;
  }
  return String(value);
}
