import { Reason } from "../../api/v1alpha1/conditions.ts";
import type {
  Announcement,
  Entry,
  ExternalGateway,
  ExternalGatewaySettings,
  Written,
} from "../../controllers/registration/external-gateway.ts";
import { TransientError } from "../../machinery/errors.ts";
import { inOneLine } from "../../machinery/one-line.ts";
import { failureOf, unreadable } from "./failures.ts";
import { normalizedUrl, slugOf } from "./identity.ts";
import { readEntry, readPage, readProblem } from "./read-entry.ts";
import { type Answer, type Call, jsonOf, Transport } from "./transport.ts";

/** The API, and the alias under which releases before it, and those that were told to, serve the same. */
const COLLECTIONS = ["/v1/gateways", "/gateways"] as const;
const PAGE_SIZE = 500;
const MOST_PAGES = 100;
/** How soon what is pending or deleting is looked at again, where the gateway does not say. */
const PENDING_MS = 2_000;
const TRANSPORTS = { "streamable-http": "STREAMABLEHTTP", sse: "SSE" } as const;

export interface ContextForgeOptions {
  readonly readMs?: number;
  readonly writeMs?: number;
}

/**
 * The gateways API of ContextForge. What it calls a gateway is one MCP server behind it. Creating an entry makes it connect
 * to that server before it answers; nothing there replaces an entry of the same name.
 */
export class ContextForge implements ExternalGateway {
  readonly #transport: Transport;
  #collection: (typeof COLLECTIONS)[number] | undefined;

  constructor(settings: ExternalGatewaySettings, options: ContextForgeOptions = {}) {
    this.#transport = new Transport(settings, options);
  }

  async check(signal: AbortSignal): Promise<string | undefined> {
    // What it was updated to may have moved.
    this.#collection = undefined;
    await this.#findCollection(signal);
    const { status, json } = await this.#transport.call({ method: "GET", path: "/version" }, signal);
    const { app } = (json ?? {}) as { app?: { version?: unknown } };
    return status === 200 && typeof app?.version === "string" ? inOneLine(app.version).slice(0, 64) : undefined;
  }

  async list(signal: AbortSignal): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const query = new URLSearchParams({
        include_inactive: "true",
        include_pagination: "true",
        limit: String(PAGE_SIZE),
        ...(cursor !== undefined && { cursor }),
      });
      const answer = await this.#call({ method: "GET", path: `?${query}` }, signal);
      if (answer.status !== 200) throw this.#failure(answer);
      const page = readPage(jsonOf(answer));
      if (!page) throw unreadable("its list of gateways cannot be read");
      for (const entry of page.entries) entries.push(this.#clean(entry));
      cursor = page.next;
      if (cursor === undefined) return entries;
    }
    throw new TransientError(Reason.GatewayUnavailable, `it has more than ${MOST_PAGES * PAGE_SIZE} entries`);
  }

  async get(id: string, signal: AbortSignal): Promise<Entry | undefined> {
    const answer = await this.#call({ method: "GET", path: pathOf(id) }, signal);
    if (answer.status === 404) return undefined;
    return this.#written(answer).entry;
  }

  async create(announcement: Announcement, signal: AbortSignal): Promise<Written> {
    return this.#written(
      await this.#call({ method: "POST", path: "", body: bodyOf(announcement) }, signal),
      announcement,
    );
  }

  async update(id: string, announcement: Announcement, signal: AbortSignal): Promise<Written> {
    const call: Call = { method: "PUT", path: pathOf(id), body: bodyOf(announcement) };
    return this.#written(await this.#call(call, signal), announcement);
  }

  async setEnabled(id: string, enabled: boolean, signal: AbortSignal): Promise<void> {
    const path = `${pathOf(id)}/state?activate=${enabled}`;
    const answer = await this.#call({ method: "POST", path }, signal);
    // One that is gone is found to be at the next look.
    if (answer.status !== 200 && answer.status !== 202 && answer.status !== 404) throw this.#failure(answer);
  }

  async remove(id: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#call({ method: "DELETE", path: pathOf(id) }, signal);
    if (answer.status === 202) return false;
    if (answer.status === 200 || answer.status === 204 || answer.status === 404) return true;
    throw this.#failure(answer);
  }

  isSameUrl(a: string, b: string): boolean {
    return normalizedUrl(a) === normalizedUrl(b);
  }

  isSameName(a: string, b: string): boolean {
    return slugOf(a) === slugOf(b);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #call(call: Call, signal: AbortSignal): Promise<Answer> {
    const collection = this.#collection ?? (await this.#findCollection(signal));
    return this.#transport.call({ ...call, path: `${collection}${call.path}` }, signal);
  }

  /** Asks for one entry, which shows that the token may read, too. */
  async #findCollection(signal: AbortSignal): Promise<(typeof COLLECTIONS)[number]> {
    let last: Answer | undefined;
    for (const collection of COLLECTIONS) {
      last = await this.#transport.call({ method: "GET", path: `${collection}?limit=1` }, signal);
      if (last.status === 404) continue;
      if (last.status !== 200) break;
      if (!readPage(jsonOf(last))) throw unreadable("its list of gateways cannot be read");
      this.#collection = collection;
      return collection;
    }
    throw last ? this.#failure(last) : unreadable("it has no list of gateways");
  }

  #written(answer: Answer, { token }: { token?: string | undefined } = {}): Written {
    if (answer.status !== 200 && answer.status !== 201 && answer.status !== 202) throw this.#failure(answer, token);
    const entry = readEntry(jsonOf(answer));
    if (!entry) throw unreadable(`its answer ${answer.status} is no gateway`);
    const againInMs = entry.state === "active" ? undefined : (answer.retryAfterMs ?? PENDING_MS);
    return { entry: this.#clean(entry, token), againInMs };
  }

  #clean(entry: Entry, token?: string): Entry {
    return { ...entry, lastError: this.#transport.redact(entry.lastError, token) };
  }

  #failure(answer: Answer, token?: string): Error {
    const problem = this.#transport.redact(readProblem(answer.json), token);
    return failureOf({ status: answer.status, problem, retryAfterMs: answer.retryAfterMs });
  }
}

function pathOf(id: string): string {
  return `/${encodeURIComponent(id)}`;
}

function bodyOf(announcement: Announcement): Record<string, unknown> {
  const { name, description, url, transport, tags, visibility, teamId, refreshIntervalSeconds, token } = announcement;
  return {
    ...{ name, description, url, visibility, tags: [...tags] },
    transport: TRANSPORTS[transport],
    ...(teamId !== undefined && { team_id: teamId }),
    ...(refreshIntervalSeconds !== undefined && { refresh_interval_seconds: refreshIntervalSeconds }),
    ...(token === undefined ? { auth_type: "none" } : { auth_type: "bearer", auth_token: token }),
  };
}
