import type { Entry } from "../../controllers/registration/external-gateway.ts";
import { inOneLine } from "../../machinery/one-line.ts";

/** Cuts what strangers say; the rest helps nobody. */
const MOST_ERROR = 200;
const MOST_NAME = 255;
const MOST_URL = 2048;
const MOST_TAGS = 256;
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Pure. A GatewayRead; undefined where it is none. Members that are not named here mean nothing to us. */
export function readEntry(value: unknown): Entry | undefined {
  if (!isRecord(value)) return undefined;
  const { id, name, url, transport, tags, enabled, reachable, status, lastError, toolCount, visibility, teamId } =
    value;
  if (typeof id !== "string" || !ID.test(id)) return undefined;
  if (typeof name !== "string" || typeof url !== "string" || url.length > MOST_URL) return undefined;
  if (typeof enabled !== "boolean") return undefined;
  return {
    id,
    name: inOneLine(name).slice(0, MOST_NAME),
    url,
    transport: transportOf(transport),
    tags: Array.isArray(tags) ? tags.slice(0, MOST_TAGS).flatMap(tagOf) : [],
    visibility: typeof visibility === "string" ? visibility : undefined,
    teamId: typeof teamId === "string" ? teamId : undefined,
    enabled,
    // Releases that do not tell have no trouble to tell of.
    reachable: reachable !== false,
    state: status === "pending" || status === "deleting" ? status : "active",
    lastError:
      typeof lastError === "string" && lastError !== "" ? inOneLine(lastError).slice(0, MOST_ERROR) : undefined,
    tools: typeof toolCount === "number" && Number.isSafeInteger(toolCount) && toolCount >= 0 ? toolCount : undefined,
  };
}

/** One page of a list: entries, and where the next begins. Releases without pages answer a bare array. */
export interface Page {
  readonly entries: readonly Entry[];
  readonly next: string | undefined;
}

/** Pure. Undefined where it is no page. One entry that cannot be read spoils it: it could be ours. */
export function readPage(value: unknown): Page | undefined {
  const items = Array.isArray(value) ? value : isRecord(value) ? value.gateways : undefined;
  if (!Array.isArray(items)) return undefined;
  const entries = items.map(readEntry);
  const next = isRecord(value) ? value.nextCursor : undefined;
  if (entries.some((entry) => entry === undefined)) return undefined;
  return {
    entries: entries.filter((entry) => entry !== undefined),
    next: typeof next === "string" && next !== "" ? next : undefined,
  };
}

/** Pure. What an answer says went wrong, of FastAPI's `detail` or a `message`. */
export function readProblem(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  const { detail, message } = value;
  const said = typeof detail === "string" ? detail : Array.isArray(detail) ? detail.flatMap(problemOf).join("; ") : "";
  const text = said === "" && typeof message === "string" ? message : said;
  return text === "" ? undefined : inOneLine(text).slice(0, MOST_ERROR);
}

/** One of pydantic's; its `input` would repeat what was sent, secrets included. */
function problemOf(value: unknown): string[] {
  if (!isRecord(value) || typeof value.msg !== "string") return [];
  const at = Array.isArray(value.loc) ? value.loc.filter((part) => typeof part === "string").join(".") : "";
  return [at === "" ? value.msg : `${at}: ${value.msg}`];
}

/** A text, or what newer releases say: an object with id and label. */
function tagOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (!isRecord(value)) return [];
  const tag = value.label ?? value.id;
  return typeof tag === "string" ? [tag] : [];
}

function transportOf(value: unknown): Entry["transport"] {
  const name = typeof value === "string" ? value.toUpperCase() : "";
  return name === "STREAMABLEHTTP" ? "streamable-http" : name === "SSE" ? "sse" : "other";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
