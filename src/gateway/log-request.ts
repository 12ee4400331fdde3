import type { LogRequestOptions } from "./log-provider.ts";
import { badRequest, Refusal } from "./refusal.ts";

export interface LogRequest {
  readonly namespace: string;
  readonly name: string;
  readonly options: LogRequestOptions;
}

/** Lines, where none are asked for. */
const DEFAULT_TAIL = 100;
const LARGEST_TAIL = 1_000_000;

const PATH = /^\/-\/namespaces\/([^/]+)\/runtimedeployments\/([^/]+)\/log$/;
/** RFC 1123 label, and a name made of them. */
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Undefined where the path is no log's. @throws {Refusal} naming the part, its value and the remedy. */
export function logTarget(path: string): Pick<LogRequest, "namespace" | "name"> | undefined {
  const [, namespace, name] = PATH.exec(path) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  if (!LABEL.test(namespace)) throw badRequest("namespace", namespace, "is not the name of a namespace");
  if (!NAME.test(name)) throw badRequest("name", name, "is not the name of a RuntimeDeployment");
  return { namespace, name };
}

/** @throws {Refusal} naming the parameter, its value and the remedy. */
export function logOptions(parameters: URLSearchParams): LogRequestOptions {
  for (const name of parameters.keys()) {
    if (name !== "tail" && name !== "follow" && name !== "timestamps") {
      throw badRequest("parameter", name, "is not known; there are tail, follow and timestamps");
    }
    if (parameters.getAll(name).length > 1) {
      throw new Refusal(400, "BadRequest", `${name}: is given more than once; give it once`);
    }
  }
  return {
    tail: tailIn(parameters.get("tail")),
    follow: flagIn("follow", parameters.get("follow")),
    timestamps: flagIn("timestamps", parameters.get("timestamps")),
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
