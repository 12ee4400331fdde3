import type { JsonObject } from "../fields/field.ts";
import { jsonAnswer } from "./answers.ts";
import { invalidParameter } from "./api-error.ts";

/** The emulator's bound and default; the SDK's examples use this number. */
const MAX_LIMIT = 100;

export interface PageOptions<R> {
  readonly url: URL;
  readonly plural: string;
  /** Sorted by `key`, which no two share. */
  readonly items: readonly R[];
  readonly key: (item: R) => string;
  readonly view: (item: R) => JsonObject;
  /** `href` of the list. */
  readonly href: string;
  /** Whether `start` alone says what comes, and a `limit` beside it is ignored. */
  readonly startRules?: boolean;
}

/** One page. It begins after the key where the last one ended, so that what comes or goes meanwhile moves nothing. */
export function page<R>({ url, plural, items, key, view, href, startRules = false }: PageOptions<R>): Response {
  const start = readStart(url);
  const limit = startRules && start ? start.limit : readLimit(url);
  const rest = start === undefined ? items : items.filter((item) => key(item) > start.after);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  const more = rest.length > shown.length && last !== undefined;
  return jsonAnswer(200, {
    limit,
    first: { href: `${href}?limit=${limit}` },
    ...(more && { next: nextPage(href, { limit, after: key(last) }) }),
    [plural]: shown.map(view),
  });
}

interface Start {
  readonly limit: number;
  readonly after: string;
}

function nextPage(href: string, { limit, after }: Start): JsonObject {
  const start = Buffer.from(`${limit}:${after}`).toString("base64url");
  return { href: `${href}?limit=${limit}&start=${start}`, start };
}

function readStart(url: URL): Start | undefined {
  const text = url.searchParams.get("start");
  if (text === null) return undefined;
  const [, limit, after] = /^(\d{1,3}):(.+)$/.exec(Buffer.from(text, "base64url").toString("utf8")) ?? [];
  if (limit !== undefined && after !== undefined) return { limit: Number(limit), after };
  throw invalidParameter("start", "start must be what a previous answer gave as next.start.");
}

function readLimit(url: URL): number {
  const text = url.searchParams.get("limit");
  if (text === null) return MAX_LIMIT;
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw invalidParameter("limit", `limit must be an integer from 1 to ${MAX_LIMIT}.`);
}
