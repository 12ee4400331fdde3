import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request, type Server } from "node:https";
import { temporaryCertificates } from "../../../src/server/http/certificates.ts";
import { listen } from "../listen.ts";
import {
  type GroupDiscoveries,
  mergedDiscoveries,
  mergedGroups,
  mergedOpenApiV2,
  mergedOpenApiV3,
} from "./merged-documents.ts";

/** An API server behind the router. */
export interface Upstream {
  /** `https://host:port`. */
  readonly url: string;
  readonly caPem: string;
}

export interface RouterOptions {
  /** Everything that is built in. */
  readonly core: Upstream;
  /** Definitions, and the objects of whatever they define. */
  readonly custom: Upstream;
  /** The groups of `core`. */
  readonly coreGroups: ReadonlySet<string>;
}

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const OPENAPI_V2_PROTOBUF = "proto-openapi.spec.v2";

interface Reached extends Upstream {
  readonly agent: Agent;
}

interface Got {
  readonly status: number;
  readonly type: string;
  readonly bytes: Buffer;
}

/**
 * Makes one Kubernetes API of two servers, as kube-aggregator does inside kube-apiserver: by the group of a request's path.
 * Credentials go on as they came, so each server says itself who calls and impersonates, and what they may do.
 */
export class Router implements AsyncDisposable {
  readonly url: string;
  readonly caPem: string;
  readonly #server: Server;
  readonly #agents: readonly Agent[];

  private constructor({ url, caPem, server, agents }: Pick<Router, "url" | "caPem"> & Parts) {
    this.url = url;
    this.caPem = caPem;
    this.#server = server;
    this.#agents = agents;
  }

  static async start(options: RouterOptions): Promise<Router> {
    const { caPem, certificatePem, keyPem } = await temporaryCertificates(["127.0.0.1", "localhost"], new Date());
    const [core, custom] = [reached(options.core), reached(options.custom)];
    const server = createServer({ cert: certificatePem, key: keyPem }, (message, response) => {
      const path = (message.url ?? "/").replace(/\?.*/, "").replace(/\/$/, "");
      const merge = message.method === "GET" ? MERGED.get(path) : undefined;
      if (merge) {
        merge(message, core, custom)
          .then((got) => tell(got, message, response))
          .catch((error: unknown) => fail(response, error));
      } else pass(message, response, isCustom(path, options.coreGroups) ? custom : core);
    });
    const url = `https://${await listen(server)}`;
    return new Router({ url, caPem, server, agents: [core.agent, custom.agent] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    for (const agent of this.#agents) agent.destroy();
    await closed;
  }
}

interface Parts {
  readonly server: Server;
  readonly agents: readonly Agent[];
}

const reached = (upstream: Upstream): Reached => ({
  ...upstream,
  agent: new Agent({ ca: upstream.caPem, keepAlive: true }),
});

/** Whether a group is no built-in one, by the path of its API or of its OpenAPI document. */
function isCustom(path: string, coreGroups: ReadonlySet<string>): boolean {
  const [, group] = /^(?:\/openapi\/v3)?\/apis\/([^/]+)/.exec(path) ?? [];
  return group !== undefined && !coreGroups.has(group);
}

function pass(message: IncomingMessage, response: ServerResponse, to: Reached): void {
  // As they came: a header that is there several times, as Impersonate-Group may be, stays so.
  const { method, rawHeaders: headers } = message;
  const onward = request(to.url + (message.url ?? "/"), { method, headers, agent: to.agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    // A watch begins before it has anything to tell.
    response.flushHeaders();
    answer.on("error", () => response.destroy()).pipe(response);
  });
  onward.on("error", (error) => fail(response, error));
  response.on("close", () => onward.destroy());
  message.pipe(onward);
}

/** Not again to who has it. */
function tell({ status, type, bytes }: Got, message: IncomingMessage, response: ServerResponse): void {
  const etag = `"${createHash("sha256").update(bytes).digest("hex")}"`;
  if (status === 200 && message.headers["if-none-match"] === etag) {
    response.writeHead(304, { etag, vary: "Accept" }).end();
    return;
  }
  const headers = { "content-type": type, "content-length": bytes.length, vary: "Accept" };
  response.writeHead(status, status === 200 ? { ...headers, etag } : headers).end(bytes);
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(502, { "content-type": "text/plain" }).end(String(error));
}

/** As whoever asks, for `accept` or what they accept. */
async function get(message: IncomingMessage, from: Reached, accept?: string): Promise<Got> {
  const isKept = ([name]: [string, unknown]) => name === "authorization" || name.startsWith("impersonate-");
  const headers = Object.fromEntries(Object.entries(message.headersDistinct).filter(isKept));
  const wanted = accept ?? message.headers.accept;
  if (wanted !== undefined) headers.accept = [wanted];
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  request(from.url + (message.url ?? "/"), { headers, agent: from.agent }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
    answer.on("end", () => {
      const type = answer.headers["content-type"] ?? "";
      resolve({ status: answer.statusCode ?? 502, type, bytes: Buffer.concat(chunks) });
    });
  })
    .on("error", reject)
    .end();
  return await promise;
}

type Merge = (message: IncomingMessage, core: Reached, custom: Reached) => Promise<Got>;

const parsed = <T>({ bytes }: Got): T => JSON.parse(bytes.toString("utf8")) as T;
const json = (told: Got, body: unknown): Got => ({ ...told, bytes: Buffer.from(JSON.stringify(body)) });

/** What `core` refuses stays refused. */
function merging(accept: string | undefined, merge: (core: Got, custom: Got) => Got): Merge {
  return async (message, core, custom) => {
    const told = await get(message, core);
    if (told.status !== 200) return told;
    const added = await get(message, custom, accept);
    return added.status === 200 ? merge(told, added) : added;
  };
}

const MERGED: ReadonlyMap<string, Merge> = new Map([
  [
    "/apis",
    merging(AGGREGATED, (core, custom) => {
      const found = parsed<GroupDiscoveries>(custom);
      return core.type.includes("apidiscovery")
        ? json(core, mergedDiscoveries(parsed(core), found))
        : json(core, mergedGroups(parsed(core), found));
    }),
  ],
  [
    "/openapi/v2",
    merging(undefined, (core, custom) =>
      core.type.includes(OPENAPI_V2_PROTOBUF)
        ? // To Protocol Buffers the concatenation of two messages is their union.
          { ...core, bytes: Buffer.concat([core.bytes, custom.bytes]) }
        : json(core, mergedOpenApiV2(parsed(core), parsed(custom))),
    ),
  ],
  ["/openapi/v3", merging(undefined, (core, custom) => json(core, mergedOpenApiV3(parsed(core), parsed(custom))))],
]);
