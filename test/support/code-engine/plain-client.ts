import type { JsonObject } from "./fields/field.ts";
import type { Handler } from "./http/surface.ts";

const VERSION = "2026-06-15";

export interface PlainAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Empty where there is no body. */
  readonly body: JsonObject;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Sent as `If-Match`. */
  readonly ifMatch?: string;
  /** Replaces or, where null, removes what would be sent. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Null: none is sent. */
  readonly version?: string | null;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  POST: "application/json",
  PUT: "application/json",
  PATCH: "application/merge-patch+json",
};

/** Calls the emulator's handlers without a socket and without retries; answers are not judged. */
export class PlainClient {
  readonly #handlers: { readonly api: Handler; readonly iam: Handler };
  readonly #apiKey: string;
  #token: string | undefined;

  constructor(handlers: { readonly api: Handler; readonly iam: Handler }, apiKey: string) {
    this.#handlers = handlers;
    this.#apiKey = apiKey;
  }

  get(path: string, options: CallOptions = {}): Promise<PlainAnswer> {
    return this.call("GET", path, options);
  }

  post(path: string, body: unknown, options: CallOptions = {}): Promise<PlainAnswer> {
    return this.call("POST", path, { body, ...options });
  }

  put(path: string, body: unknown, options: CallOptions = {}): Promise<PlainAnswer> {
    return this.call("PUT", path, { body, ...options });
  }

  patch(path: string, body: unknown, options: CallOptions = {}): Promise<PlainAnswer> {
    return this.call("PATCH", path, { body, ...options });
  }

  delete(path: string, options: CallOptions = {}): Promise<PlainAnswer> {
    return this.call("DELETE", path, options);
  }

  /** `path` is below `/v2`, with its query if it has one. */
  async call(method: string, path: string, options: CallOptions): Promise<PlainAnswer> {
    const url = new URL(`http://localhost/v2${path}`);
    const { version = VERSION, body } = options;
    if (version !== null) url.searchParams.set("version", version);
    const headers = await this.#headers(method, options);
    const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const request = new Request(url, { method, headers, ...(text !== undefined && { body: text }) });
    return await read(await this.#handlers.api(request));
  }

  async #headers(method: string, { ifMatch, headers = {} }: CallOptions): Promise<Headers> {
    const all = new Headers({ authorization: `Bearer ${await this.token()}`, "user-agent": "plain-client" });
    const type = MEDIA_TYPES[method];
    if (type !== undefined) all.set("content-type", type);
    if (ifMatch !== undefined) all.set("if-match", ifMatch);
    for (const [name, value] of Object.entries(headers)) {
      if (value === null) all.delete(name);
      else all.set(name, value);
    }
    return all;
  }

  /** The next call asks for a new token. */
  renew(): void {
    this.#token = undefined;
  }

  /** Asked for once. */
  async token(): Promise<string> {
    this.#token ??= String((await requestToken(this.#handlers.iam, this.#apiKey)).body.access_token);
    return this.#token;
  }
}

/** What IAM answers to a key. */
export async function requestToken(iam: Handler, apikey: string): Promise<PlainAnswer> {
  const grant_type = "urn:ibm:params:oauth:grant-type:apikey";
  const body = new URLSearchParams({ grant_type, apikey, response_type: "cloud_iam" });
  return await read(await iam(new Request("http://localhost/identity/token", { method: "POST", body })));
}

async function read(response: Response): Promise<PlainAnswer> {
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, body: text === "" ? {} : (JSON.parse(text) as JsonObject) };
}
