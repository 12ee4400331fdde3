import type { IncomingHttpHeaders } from "node:http";
import { gunzipSync } from "node:zlib";
import { type Dispatcher, request } from "undici";
import type { Body } from "./body.ts";
import { Watch } from "./watch.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export const JSON_TYPE = "application/json";
export const MERGE_PATCH = "application/merge-patch+json";
export const JSON_PATCH = "application/json-patch+json";
export const STRATEGIC_PATCH = "application/strategic-merge-patch+json";
export const APPLY_PATCH = "application/apply-patch+yaml";

/** Longer than a busy machine needs; a server that hangs is named by the case that waited. */
const REQUEST_TIMEOUT_MS = 60_000;

export interface Message {
  /** Sent as JSON, or as it is when it is text. */
  readonly body?: unknown;
  /** The body's media type, `application/json` unless told otherwise. */
  readonly type?: string;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed text; a body that is no JSON throws when it is looked at. */
  readonly body: Body;
  /** The texts of the `Warning` headers. */
  readonly warnings: readonly string[];
}

export interface Connection {
  readonly url: string;
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

export interface ApplyOptions extends Query {
  readonly fieldManager: string;
  readonly force?: boolean;
}

/** Requests to an API server, stated exactly. What is not 2xx is an answer to `send` and a failure to the other methods. */
export class Client {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** The same server with these headers instead of, or besides, what this client sends. */
  with(headers: Connection["headers"]): Client {
    return new Client({ ...this.connection, headers: { ...this.connection.headers, ...headers } });
  }

  /** As another user, by impersonation: who runs the suite may do everything. */
  as(user: string, ...groups: string[]): Client {
    return this.with({ "impersonate-user": user, ...(groups.length > 0 ? { "impersonate-group": groups } : {}) });
  }

  async send(method: string, path: string, { body, type = JSON_TYPE, query = {}, headers }: Message = {}) {
    const { url, dispatcher, headers: own } = this.connection;
    const found = await request(url + pathWith(path, query), {
      method: method as Dispatcher.HttpMethod,
      dispatcher,
      headers: { ...own, ...(body === undefined ? {} : { "content-type": type }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const bytes = Buffer.from(await found.body.arrayBuffer());
    const isPacked = found.headers["content-encoding"] === "gzip";
    const text = (isPacked && method !== "HEAD" ? gunzipSync(bytes) : bytes).toString("utf8");
    const answer: Answer = {
      status: found.statusCode,
      headers: found.headers,
      text,
      get body() {
        return JSON.parse(text) as Body;
      },
      warnings: warningsOf(found.headers.warning),
    };
    return answer;
  }

  get = (path: string, query?: Query): Promise<Body> => this.#expect("GET", path, { query });
  create = (path: string, body: unknown, query?: Query): Promise<Body> => this.#expect("POST", path, { body, query });
  update = (path: string, body: unknown, query?: Query): Promise<Body> => this.#expect("PUT", path, { body, query });
  merge = (path: string, body: unknown, query?: Query): Promise<Body> =>
    this.#expect("PATCH", path, { body, query, type: MERGE_PATCH });
  jsonPatch = (path: string, body: unknown, query?: Query): Promise<Body> =>
    this.#expect("PATCH", path, { body, query, type: JSON_PATCH });
  strategic = (path: string, body: unknown, query?: Query): Promise<Body> =>
    this.#expect("PATCH", path, { body, query, type: STRATEGIC_PATCH });
  apply = (path: string, body: unknown, query: ApplyOptions): Promise<Body> =>
    this.#expect("PATCH", path, { body, query, type: APPLY_PATCH });
  remove = (path: string, options?: object, query?: Query): Promise<Body> =>
    this.#expect("DELETE", path, { body: options, query });

  /** Opens a watch; close it, or let `await using` do so. */
  watch(path: string, query: Query = {}): Promise<Watch> {
    return Watch.open(this.connection, pathWith(path, { watch: true, ...query }));
  }

  async #expect(
    method: string,
    path: string,
    { query, ...rest }: Omit<Message, "query"> & { query?: Query | undefined },
  ) {
    const answer = await this.send(method, path, { ...rest, ...(query ? { query } : {}) });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  }
}

function pathWith(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

/** `299 - "text"`, in which quotes and backslashes are escaped (RFC 7234, 5.5). */
function warningsOf(header: string | string[] | undefined): string[] {
  const text = [header ?? []].flat().join(", ");
  return [...text.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, quoted = ""]) => quoted.replaceAll(/\\(.)/g, "$1"));
}
