import { Agent, request } from "undici";
import type { TestApiServer } from "./api-server.ts";

export interface ApiAnswer<T = Record<string, unknown>> {
  readonly status: number;
  /** The texts of the `Warning` headers. */
  readonly warnings: readonly string[];
  readonly body: T;
}

export type ApiPatch = "json" | "merge" | "apply";

const PATCHES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  apply: "application/apply-patch+yaml",
};

/** Bare requests to an API server, where the very answer matters. */
export class ApiCaller implements AsyncDisposable {
  readonly #server: Pick<TestApiServer, "url" | "adminToken">;
  readonly #agent: Agent;

  constructor(server: Pick<TestApiServer, "url" | "caPem" | "adminToken">) {
    this.#server = server;
    this.#agent = new Agent({ connect: { ca: server.caPem } });
  }

  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<ApiAnswer<T>> {
    return this.#send({ method, path, body, contentType: "application/json" });
  }

  patch<T = Record<string, unknown>>(type: ApiPatch, path: string, body: unknown): Promise<ApiAnswer<T>> {
    return this.#send({ method: "PATCH", path, body, contentType: PATCHES[type] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #send<T>({
    method,
    path,
    body,
    contentType,
  }: {
    method: string;
    path: string;
    body: unknown;
    contentType: string;
  }): Promise<ApiAnswer<T>> {
    const answer = await request(this.#server.url + path, {
      method: method as "GET",
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.#server.adminToken}`, "content-type": contentType },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { warning = [] } = answer.headers;
    const headers = Array.isArray(warning) ? warning : [warning];
    return {
      status: answer.statusCode,
      warnings: headers.map((header) => /^299 - "(.*)"$/s.exec(header)?.[1]?.replaceAll(/\\(.)/g, "$1") ?? header),
      body: (await answer.body.json()) as T,
    };
  }
}
