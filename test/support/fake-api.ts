import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ConfigMap } from "../../src/api/core.ts";

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Answers in the server's place. */
export type Fault = (response: ServerResponse, request: RecordedRequest) => void;

interface Change {
  readonly version: number;
  readonly line: string;
}

/**
 * A small API server that misbehaves on request: ConfigMaps with list, pages, watch and compaction, and faults for the
 * requests that come next. It knows no authentication, no validation and no other kind.
 */
export class FakeApi implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly #server: Server;
  readonly #objects = new Map<string, ConfigMap>();
  readonly #watches = new Set<ServerResponse>();
  readonly #pages = new Map<string, { items: ConfigMap[]; version: number }>();
  readonly #faults: { readonly matches: (request: RecordedRequest) => boolean; readonly fault: Fault }[] = [];
  #history: Change[] = [];
  #compacted = 0;
  #version = 100;
  #muted = false;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  static async start(): Promise<FakeApi> {
    const api = new FakeApi();
    await new Promise<void>((resolve) => api.#server.listen(0, "127.0.0.1", resolve));
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As text; JSON is YAML. */
  kubeconfig(user: object = { token: "secret-token" }): string {
    return JSON.stringify({
      "current-context": "fake",
      clusters: [{ name: "fake", cluster: { server: this.url } }],
      users: [{ name: "fake", user }],
      contexts: [{ name: "fake", context: { cluster: "fake", user: "fake" } }],
    });
  }

  get objects(): readonly ConfigMap[] {
    return [...this.#objects.values()];
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** How often `kind` was asked for. */
  count(kind: "list" | "watch"): number {
    return this.requests.filter((request) => isWatch(request) === (kind === "watch") && isFirstPage(request)).length;
  }

  /** Has the next requests of this kind answered by `fault`, one each. */
  failNext(kind: "list" | "watch" | "any", ...faults: readonly Fault[]): void {
    const matches = (request: RecordedRequest) => kind === "any" || isWatch(request) === (kind === "watch");
    this.#faults.push(...faults.map((fault) => ({ matches, fault })));
  }

  put(name: string, value = "", namespace = "default"): ConfigMap {
    const key = `${namespace}/${name}`;
    const existing = this.#objects.get(key);
    const version = ++this.#version;
    const metadata = {
      name,
      namespace,
      uid: existing?.metadata.uid ?? `uid-${version}`,
      resourceVersion: String(version),
      creationTimestamp: "2026-01-01T00:00:00Z",
    };
    const object: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value } };
    this.#objects.set(key, object);
    this.#publish(existing ? "MODIFIED" : "ADDED", object);
    return object;
  }

  remove(name: string, namespace = "default"): void {
    const existing = this.#objects.get(`${namespace}/${name}`);
    if (!existing) return;
    this.#objects.delete(`${namespace}/${name}`);
    const metadata = { ...existing.metadata, resourceVersion: String(++this.#version) };
    this.#publish("DELETED", { ...existing, metadata });
  }

  bookmark(): void {
    this.#send(this.#line("BOOKMARK", { kind: "ConfigMap", metadata: { resourceVersion: String(this.#version) } }));
  }

  /** Forgets what happened so far: who watches from before, and who lists in pages, is answered 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
    this.#pages.clear();
  }

  /** Breaks every watch, within a line of JSON where told so. */
  cutWatches({ midLine = false } = {}): void {
    for (const response of this.#watches) {
      if (midLine) response.write('{"type":"MODIFIED","object":{"metadata":{"na', () => response.destroy());
      else response.destroy();
    }
    this.#watches.clear();
  }

  /** Ends every watch in order, as a server does after timeoutSeconds. */
  endWatches(): void {
    for (const response of this.#watches) response.end();
    this.#watches.clear();
  }

  /** Keeps connections open, but says nothing over them: a peer that is gone without a word. */
  mute(muted: boolean): void {
    this.#muted = muted;
  }

  /** Writes `text` to every watch, whatever it is. */
  say(text: string): void {
    for (const response of this.#watches) response.write(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const recorded: RecordedRequest = {
      method: request.method ?? "",
      path: pathname,
      query: searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    this.requests.push(recorded);
    const at = this.#faults.findIndex(({ matches }) => matches(recorded));
    const [planned] = at < 0 ? [] : this.#faults.splice(at, 1);
    if (planned) planned.fault(response, recorded);
    else if (isWatch(recorded)) this.#watch(recorded, response);
    else this.#list(recorded, response);
  }

  #list(request: RecordedRequest, response: ServerResponse): void {
    const { query } = request;
    const token = query.get("continue");
    const rest = token === null ? { items: [...this.objects], version: this.#version } : this.#pages.get(token);
    if (!rest) {
      refuse(410, "Expired")(response, request);
      return;
    }
    const items = rest.items.slice(0, Number(query.get("limit") ?? rest.items.length));
    const left = rest.items.slice(items.length);
    const next = left.length > 0 ? `${rest.version}-${left.length}` : undefined;
    if (next) this.#pages.set(next, { items: left, version: rest.version });
    const metadata = { resourceVersion: String(rest.version), ...(next ? { continue: next } : {}) };
    sendJson(response, 200, { apiVersion: "v1", kind: "ConfigMapList", metadata, items });
  }

  #watch(request: RecordedRequest, response: ServerResponse): void {
    const from = Number(request.query.get("resourceVersion"));
    if (from < this.#compacted) {
      refuse(410, "Expired")(response, request);
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    for (const { version, line } of this.#history) if (version > from) response.write(line);
    this.#watches.add(response);
    response.once("close", () => this.#watches.delete(response));
  }

  #publish(type: string, object: ConfigMap): void {
    const line = this.#line(type, object);
    this.#history.push({ version: this.#version, line });
    this.#send(line);
  }

  #line(type: string, object: object): string {
    return `${JSON.stringify({ type, object })}\n`;
  }

  #send(line: string): void {
    if (this.#muted) return;
    for (const response of this.#watches) response.write(line);
  }
}

/** A refusal as an API server words it. */
export function refuse(code: number, reason: string, retryAfter?: string): Fault {
  return (response) => {
    if (retryAfter !== undefined) response.setHeader("Retry-After", retryAfter);
    const message = `scripted ${reason}`;
    sendJson(response, code, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      code,
    });
  };
}

/** A connection that ends without an answer. */
export const hangUp: Fault = (response) => {
  response.destroy();
};

/** A connection that is never answered. */
export const silence: Fault = () => undefined;

/** Any answer. */
export function answer(code: number, text: string, headers: Record<string, string> = {}): Fault {
  return (response) => {
    response.writeHead(code, headers);
    response.end(text);
  };
}

function sendJson(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function isWatch({ query }: RecordedRequest): boolean {
  return query.has("watch");
}

function isFirstPage({ query }: RecordedRequest): boolean {
  return !query.has("continue");
}
