import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { listen } from "../listen.ts";
import { type GatewayInput, MASK, readGatewayInput, slugify } from "./gateway-input.ts";

export type Permission = "create" | "read" | "update" | "delete";

/** What happens to one request in the place of, or after, what it asks for. */
export type ForgeFault =
  /** It is done, and the connection ends before the answer. */
  | "lost answer"
  /** The connection ends, and nothing is done. */
  | "reset"
  /** Nobody answers, and nothing is done. */
  | "silence"
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** Of the body, which is not JSON. */
  | { readonly text: string };

export interface ForgeEntry extends GatewayInput {
  readonly id: string;
  enabled: boolean;
  reachable: boolean;
  status: "pending" | "active" | "deleting";
  lastError: string | undefined;
  toolCount: number;
}

export interface ForgeRequest {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** Connects to a server and initializes it. Answers how many tools it has. @throws {Error} where it does not get through. */
export type ForgeConnect = (gateway: GatewayInput) => Promise<number>;

export interface FakeContextForgeOptions {
  readonly token?: string;
  readonly connect?: ForgeConnect;
  readonly permissions?: readonly Permission[];
  /** Answers 202 to what takes time; `finish` ends it. */
  readonly async?: boolean;
  /** A release that has the API only at the alias. */
  readonly legacy?: boolean;
  /** Whether the alias is there, too. */
  readonly alias?: boolean;
  /** SSRF_ALLOW_LOCALHOST. */
  readonly allowLocalhost?: boolean;
  readonly port?: number;
}

/**
 * ContextForge's gateways API, as requirements have it, with faults: strict about what it takes, and no kinder in what it
 * answers than the real one. Entries are kept in the order in which they were made.
 */
export class FakeContextForge implements AsyncDisposable {
  readonly token: string;
  readonly url: string;
  readonly entries = new Map<string, ForgeEntry>();
  readonly requests: ForgeRequest[] = [];
  /** The next request that matches takes the fault along. */
  readonly faults: { readonly matches: (request: ForgeRequest) => boolean; readonly fault: ForgeFault }[] = [];
  /** May be changed at any time. */
  connect: ForgeConnect;
  permissions: ReadonlySet<Permission>;
  async: boolean;
  #up = true;
  readonly #server: Server;
  readonly #options: FakeContextForgeOptions;

  private constructor(server: Server, address: string, options: FakeContextForgeOptions) {
    this.#server = server;
    this.#options = options;
    this.token = options.token ?? `forge-${randomUUID()}`;
    this.url = `http://${address}`;
    this.connect = options.connect ?? (async () => 0);
    this.permissions = new Set(options.permissions ?? ["create", "read", "update", "delete"]);
    this.async = options.async ?? false;
  }

  static async start(options: FakeContextForgeOptions = {}): Promise<FakeContextForge> {
    let fake: FakeContextForge | undefined;
    const server = createServer((request, response) => {
      fake?.serve(request, response).catch(() => response.destroy());
    });
    fake = new FakeContextForge(server, await listen(server, options.port), options);
    return fake;
  }

  /** Has the next request of this kind go wrong. */
  fail(method: string, fault: ForgeFault, path = /./): void {
    this.faults.push({ matches: (request) => request.method === method && path.test(request.path), fault });
  }

  /** An entry that somebody else made. */
  add(input: Partial<ForgeEntry> & { name: string; url: string }): ForgeEntry {
    const entry: ForgeEntry = {
      ...{ id: randomUUID().replaceAll("-", ""), description: "", transport: "STREAMABLEHTTP", tags: [] },
      ...{ visibility: "public", teamId: undefined, refreshIntervalSeconds: undefined, auth: { type: "none" } },
      ...{ enabled: true, reachable: true, status: "active", lastError: undefined, toolCount: 0 },
      ...input,
    };
    this.entries.set(entry.id, entry);
    return entry;
  }

  /** Ends what is pending or deleting. */
  async finish(): Promise<void> {
    for (const entry of [...this.entries.values()]) {
      if (entry.status === "deleting") this.entries.delete(entry.id);
      if (entry.status === "pending") await this.#connected(entry);
    }
  }

  /** Ends every connection, until `start` is called. */
  stop(): void {
    this.#up = false;
  }

  start(): void {
    this.#up = true;
  }

  get writes(): ForgeRequest[] {
    return this.requests.filter(({ method }) => method !== "GET");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const asked = {
      method: request.method ?? "",
      path: `${pathname}${searchParams.size > 0 ? `?${searchParams}` : ""}`,
      body: parsed(text),
    };
    this.requests.push(asked);
    if (!this.#up) {
      response.destroy();
      return;
    }
    const at = this.faults.findIndex(({ matches }) => matches(asked));
    const [found] = at < 0 ? [] : this.faults.splice(at, 1);
    const fault = found?.fault;
    if (fault === "silence") return;
    if (fault === "reset") {
      response.destroy();
      return;
    }
    if (typeof fault === "object" && "text" in fault) {
      response.writeHead(200, { "content-type": "application/json" }).end(fault.text);
      return;
    }
    const answer =
      typeof fault === "object"
        ? fault
        : await this.#answer(asked, pathname, searchParams, request.headers.authorization);
    if (fault === "lost answer") {
      response.destroy();
      return;
    }
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(JSON.stringify(answer.body ?? null));
  }

  async #answer(
    { method, body }: ForgeRequest,
    pathname: string,
    query: URLSearchParams,
    authorization: string | undefined,
  ): Promise<Exclude<ForgeFault, string | { text: string }>> {
    if (authorization !== `Bearer ${this.token}`) return { status: 401, body: { detail: "Not authenticated" } };
    if (pathname === "/version") return { status: 200, body: { app: { name: "MCP_Gateway", version: "1.0.0" } } };
    const { legacy = false, alias = false } = this.#options;
    const collections = [...(legacy ? [] : ["/v1/gateways"]), ...(legacy || alias ? ["/gateways"] : [])];
    const collection = collections.find((each) => pathname === each || pathname.startsWith(`${each}/`));
    if (collection === undefined) return { status: 404, body: { detail: "Not Found" } };
    const needed = ({ GET: "read", PUT: "update", DELETE: "delete" } as const)[method];
    const [id, verb] = pathname.slice(collection.length + 1).split("/");
    const permission = needed ?? (verb === undefined ? "create" : "update");
    if (!this.permissions.has(permission))
      return { status: 403, body: { detail: `Insufficient permissions. Required: gateways.${permission}` } };
    if (!id) return method === "POST" ? this.#create(body) : this.#list(query);
    const entry = this.entries.get(id);
    if (!entry) return { status: 404, body: { detail: `Gateway not found: ${id}` } };
    if (method === "POST" && verb === "state") {
      entry.enabled = query.get("activate") === "true";
      if (entry.enabled) await this.#connected(entry);
      return { status: 200, body: { status: "success", gateway: read(entry) } };
    }
    if (method === "POST" && `${verb}/refresh` === "tools/refresh") return { status: 200, body: { success: true } };
    if (method === "PUT") return this.#update(entry, body);
    if (method === "DELETE") return this.#delete(entry);
    return { status: 200, body: read(entry) };
  }

  #list(query: URLSearchParams): { status: number; body: unknown } {
    const all = [...this.entries.values()].filter(({ enabled }) => enabled || query.get("include_inactive") === "true");
    const limit = Math.min(Number(query.get("limit") ?? 50) || all.length || 1, 500);
    const start = Number(Buffer.from(query.get("cursor") ?? "", "base64url").toString() || 0);
    const page = all.slice(start, start + limit);
    if (query.get("include_pagination") !== "true") return { status: 200, body: page.map(read) };
    const more = start + limit < all.length;
    const nextCursor = more ? Buffer.from(String(start + limit)).toString("base64url") : null;
    return { status: 200, body: { gateways: page.map(read), nextCursor } };
  }

  async #create(body: unknown) {
    const input = this.#read(body);
    if ("status" in input) return input;
    const taken = this.#taken(input);
    if (taken) return taken;
    const entry = this.add({ ...input, status: "pending" });
    if (this.async) return { status: 202, headers: { "retry-after": "1" }, body: read(entry) };
    await this.#connected(entry);
    if (entry.reachable) return { status: 200, body: read(entry) };
    this.entries.delete(entry.id);
    return { status: 502, body: { message: "Unable to connect to gateway" } };
  }

  async #update(entry: ForgeEntry, body: unknown) {
    const input = this.#read(body, entry);
    if ("status" in input) return input;
    const taken = this.#taken(input, entry.id);
    if (taken) return taken;
    Object.assign(entry, input);
    if (entry.enabled) await this.#connected(entry);
    return { status: 200, body: read(entry) };
  }

  #delete(entry: ForgeEntry) {
    if (this.async) {
      entry.status = "deleting";
      return { status: 202, headers: { "retry-after": "1" }, body: read(entry) };
    }
    this.entries.delete(entry.id);
    return { status: 200, body: { status: "success", message: `Gateway ${entry.id} deleted` } };
  }

  #read(body: unknown, before?: ForgeEntry): GatewayInput | { status: number; body: unknown } {
    if (body === undefined) return { status: 400, body: { detail: "Unable to process input" } };
    const input = readGatewayInput(body, { before, allowLocalhost: this.#options.allowLocalhost ?? true });
    return "problems" in input ? { status: 422, body: { detail: input.problems } } : input;
  }

  #taken(input: GatewayInput, self?: string): { status: number; body: unknown } | undefined {
    const others = [...this.entries.values()].filter(({ id }) => id !== self);
    const inScope = others.filter(
      (each) => each.visibility === input.visibility && (input.visibility !== "team" || each.teamId === input.teamId),
    );
    if (input.visibility !== "private" && inScope.some(({ name }) => slugify(name) === slugify(input.name)))
      return { status: 409, body: { message: "Gateway name already exists" } };
    const same = (each: ForgeEntry) =>
      each.url === input.url && JSON.stringify(each.auth) === JSON.stringify(input.auth);
    return inScope.some(same) && input.visibility !== "private"
      ? { status: 409, body: { message: "Gateway already exists" } }
      : undefined;
  }

  async #connected(entry: ForgeEntry): Promise<void> {
    try {
      entry.toolCount = await this.connect(entry);
      entry.reachable = true;
      entry.lastError = undefined;
    } catch (error) {
      entry.reachable = false;
      entry.lastError = String(error);
    }
    entry.status = "active";
  }
}

/** GatewayRead, as it is on the wire: tags as objects, secrets masked. */
function read(entry: ForgeEntry): Record<string, unknown> {
  const { id, name, url, description, transport, tags, visibility, teamId, auth, enabled, reachable, status } = entry;
  return {
    ...{ id, name, url, description, transport, visibility, enabled, reachable, status },
    slug: slugify(name),
    tags: tags.map((tag) => ({ id: tag, label: tag })),
    teamId: teamId ?? null,
    refreshIntervalSeconds: entry.refreshIntervalSeconds ?? null,
    lastError: entry.lastError ?? null,
    toolCount: entry.toolCount,
    authType: auth.type === "none" ? null : auth.type,
    authToken: auth.type === "none" ? null : MASK,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
