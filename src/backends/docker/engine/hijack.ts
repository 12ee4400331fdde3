import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as overHttp,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as overHttps } from "node:https";
import type { Socket } from "node:net";
import type { Fence } from "../../../machinery/fence.ts";
import { fenceConnections } from "../../../machinery/fenced-connections.ts";
import type { EngineAddress, EngineTls } from "./engine-address.ts";

const TCP_KEEPALIVE_MS = 30_000;

/** Of a refusal: as much as any of the Engine's messages has. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * A connection to the Engine that it hands over after a POST to `path`. `signal` ends the request, not the connection. Not by the
 * client library: it sends a body, and what of that is late an Engine takes for the container's input.
 */
export function hijack(
  address: EngineAddress,
  tls: EngineTls | undefined,
  { path, signal, fence }: { readonly path: string; readonly signal: AbortSignal; readonly fence: Fence | undefined },
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const sent = open(address, tls, {
    method: "POST",
    path,
    // It is used once: the connection is handed over.
    agent: fenceConnections(address.kind === "tcp" && address.tls ? new HttpsAgent() : new HttpAgent(), fence),
    signal,
    headers: { Host: "docker", Connection: "Upgrade", Upgrade: "tcp", "Content-Length": 0 },
  });
  sent.once("upgrade", (_response, socket: Socket, head: Buffer) => {
    if (signal.aborted) return void socket.destroy();
    // An Engine on another machine may go without a word.
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    if (head.length > 0) socket.unshift(head);
    resolve(socket);
  });
  sent.once("response", (response) => void refusal(response).then(reject, reject));
  sent.once("error", reject);
  sent.end();
  return promise;
}

function open(address: EngineAddress, tls: EngineTls | undefined, options: RequestOptions): ClientRequest {
  if (address.kind === "unix") return overHttp({ ...options, socketPath: address.path });
  const { host, port } = address;
  return address.tls ? overHttps({ ...options, ...tls, host, port }) : overHttp({ ...options, host, port });
}

/** Like those of the client library, for `classifyEngineError`. */
async function refusal(response: IncomingMessage): Promise<Error> {
  let body = "";
  for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) {
    body += chunk;
    if (body.length > MAX_BODY_BYTES) break;
  }
  const statusCode = response.statusCode ?? 0;
  return Object.assign(new Error(`HTTP ${statusCode} instead of a stream`), { statusCode, json: parsed(body) });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Of a proxy in between, perhaps: the status says enough.
    return undefined;
  }
}
