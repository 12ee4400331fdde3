import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { temporaryCertificates } from "../../src/server/http/certificates.ts";
import { listen } from "./listen.ts";

export interface ReceivedNotice {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the receiver does with a request. */
export type WebhookFault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Reads it and says nothing. */
  | "silence"
  /** Ends the connection. */
  | "reset"
  /** Status 200, and a body that never ends. */
  | "endless answer"
  /** Headers that never end. */
  | "endless headers";

/** A webhook receiver with faults. `fault` may be set at any time; undefined: everything is taken. */
export interface WebhookReceiver extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  /** Of its authority, with TLS. */
  readonly caPem: string;
  /** Oldest first, those with a fault included. */
  readonly received: ReceivedNotice[];
  fault: WebhookFault | undefined;
  /** Bytes that an endless answer has got rid of. */
  readonly answered: number;
}

export async function startWebhookReceiver(options: { port?: number; tls?: boolean } = {}): Promise<WebhookReceiver> {
  const { caPem, certificatePem, keyPem } = await temporaryCertificates(["localhost", "127.0.0.1"], new Date());
  const received: ReceivedNotice[] = [];
  const state: { fault: WebhookFault | undefined; answered: number } = { fault: undefined, answered: 0 };
  const answer = (response: ServerResponse) => {
    const { fault } = state;
    if (fault === "silence") return;
    if (fault === "reset") response.socket?.destroy();
    else if (fault === "endless headers") flood(response, "HTTP/1.1 200 OK\r\n", `x-more: ${"x".repeat(1000)}\r\n`);
    else if (fault === "endless answer")
      flood(response, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", `400\r\n${"x".repeat(1024)}\r\n`);
    else response.writeHead(fault?.status ?? 200, fault?.headers ?? {}).end("ok");
  };
  const flood = ({ socket }: ServerResponse, first: string, more: string) => {
    if (!socket) return;
    socket.write(first);
    const write = () => {
      while (socket.write(more)) state.answered += more.length;
    };
    socket.on("drain", write);
    write();
  };
  const listener = (request: import("node:http").IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      received.push({ method, path: url, headers, body: Buffer.concat(chunks).toString("utf8") });
      answer(response);
    });
  };
  const server = options.tls
    ? createTlsServer({ cert: certificatePem, key: keyPem }, listener)
    : createServer(listener);
  server.on("connection", (socket) => socket.on("error", () => undefined));
  const host = await listen(server, options.port);
  const port = Number(host.split(":")[1]);
  return {
    port,
    origin: `${options.tls ? "https" : "http"}://localhost:${port}`,
    caPem,
    received,
    get fault() {
      return state.fault;
    },
    set fault(fault) {
      state.fault = fault;
    },
    get answered() {
      return state.answered;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
