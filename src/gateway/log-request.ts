import type { LogRequestOptions } from "./log-provider.ts";
import { badRequest, Refusal } from "./refusal.ts";

/** Lines, where none are asked for. */
const DEFAULT_TAIL = 100;
const LARGEST_TAIL = 1_000_000;
const PARAMETERS: ReadonlySet<string> = new Set(["tail", "follow", "timestamps", "build"]);

/** @throws {Refusal} naming the parameter, its value and the remedy. */
export function logOptions(parameters: URLSearchParams): LogRequestOptions {
  for (const name of parameters.keys()) {
    if (!PARAMETERS.has(name)) {
      throw badRequest("parameter", name, "is not known; there are tail, follow, timestamps and build");
    }
    if (parameters.getAll(name).length > 1) {
      throw new Refusal(400, "BadRequest", `${name}: is given more than once; give it once`);
    }
  }
  return {
    tail: tailIn(parameters.get("tail")),
    follow: flagIn("follow", parameters.get("follow")),
    timestamps: flagIn("timestamps", parameters.get("timestamps")),
    build: flagIn("build", parameters.get("build")),
  };
}

/** -1 means all, as kubectl has it. */
function tailIn(text: string | null): number | undefined {
  if (text === null) return DEFAULT_TAIL;
  if (text === "-1") return undefined;
  const tail = Number(text);
  if (!/^\d{1,7}$/.test(text) || tail > LARGEST_TAIL) {
    throw badRequest("tail", text, `is not a number of lines; write 0 to ${LARGEST_TAIL}, or -1 for all`);
  }
  return tail;
}

function flagIn(name: string, text: string | null): boolean {
  if (text === null || text === "false") return false;
  if (text === "true") return true;
  throw badRequest(name, text, "is neither true nor false");
}
