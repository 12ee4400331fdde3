import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import * as https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import {
  type CertificateAndKey,
  createAuthority,
  createServerCertificate,
} from "../../../src/machinery/certificate-authority.ts";
import { type Faults, failureStatus, NO_FAULTS, REFUSALS } from "./faults.ts";

const DAY_MS = 86_400_000;

interface Upstream {
  readonly server: URL;
  readonly caPem: string;
  readonly token: string;
}

/**
 * Stands between a client and an API server, with a certificate, an authority and a token of its own, and does to requests what
 * `faults` says. `kubeconfig` is what a client is given: its token is a file, as a pod's is.
 */
export class FaultyApi implements AsyncDisposable {
  readonly faults: Faults = { ...NO_FAULTS };
  /** Requests that were refused or broken here. */
  broken = 0;
  /** Requests that the API server was given. */
  passed = 0;
  /** Those of them that are for a page of a list, and when each came (of `performance.now()`). */
  readonly pages: { readonly path: string; readonly atMs: number }[] = [];
  /** Those of them that change something: method and path. */
  readonly written: string[] = [];
  readonly kubeconfig: string;
  readonly #directory: string;
  readonly #upstream: Upstream;
  readonly #agent: https.Agent;
  readonly #authority: CertificateAndKey;
  readonly #server: https.Server;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<ServerResponse>();
  #token = "token-0";
  #writes = 0;

  private constructor(directory: string, upstream: Upstream, authority: CertificateAndKey, server: https.Server) {
    this.#directory = directory;
    this.#upstream = upstream;
    this.#authority = authority;
    this.#server = server;
    this.#agent = new https.Agent({ ca: upstream.caPem, keepAlive: true });
    this.kubeconfig = join(directory, "kubeconfig");
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("request", (incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  /** In front of the server that `kubeconfig` names, with the rights of its user. */
  static async start(kubeconfig: string): Promise<FaultyApi> {
    const { clusters, users } = parse(await readFile(kubeconfig, "utf8"));
    const { server, "certificate-authority-data": ca } = clusters[0].cluster;
    const upstream = {
      server: new URL(server),
      caPem: Buffer.from(ca, "base64").toString(),
      token: users[0].user.token,
    };
    const now = new Date();
    const authority = await createAuthority({ name: "faulty", now, notAfter: new Date(now.getTime() + DAY_MS) });
    const listener = https.createServer(tls(await certificate(authority, DAY_MS)));
    const directory = await mkdtemp(join(tmpdir(), "slipway-faulty-api-"));
    const made = new FaultyApi(directory, upstream, authority, listener);
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    await made.#writeToken();
    await made.#writeKubeconfig();
    return made;
  }

  /** The former token is good no more; the new one is in the file from now on. */
  async rotateToken(): Promise<void> {
    this.#token = `token-${Number(this.#token.slice("token-".length)) + 1}`;
    await this.#writeToken();
  }

  /** Shows a certificate that ended yesterday, or a good one again, to those who connect; who is connected is cut. */
  async present(which: "expired" | "valid"): Promise<void> {
    this.#server.setSecureContext(tls(await certificate(this.#authority, which === "valid" ? DAY_MS : -DAY_MS)));
    for (const socket of this.#sockets) socket.destroy();
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** Breaks the watches that are open. Answers how many. */
  cutWatches(): number {
    const cut = this.#watches.size;
    for (const watch of this.#watches) watch.destroy();
    return cut;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#directory, { recursive: true });
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "GET", url = "/" } = incoming;
    const { searchParams: query } = new URL(url, "https://api");
    const isWatch = query.get("watch") === "true";
    if (incoming.headers.authorization !== `Bearer ${this.#token}`)
      return this.#refuse(outgoing, 401, "Unauthorized", "Unauthorized");
    const { refuse } = this.faults;
    if (refuse) {
      const { reason, message } = REFUSALS[refuse.code];
      const after = refuse.retryAfterSeconds;
      const headers: OutgoingHttpHeaders = after === undefined ? {} : { "retry-after": String(after) };
      return this.#refuse(outgoing, refuse.code, reason, message, headers);
    }
    if (isWatch && query.get("resourceVersion") && this.faults.goneWatches > 0) {
      this.faults.goneWatches -= 1;
      this.broken += 1;
      outgoing.writeHead(200, { "content-type": "application/json" });
      const object = JSON.parse(failureStatus(410, "Expired", "too old resource version"));
      outgoing.end(`${JSON.stringify({ type: "ERROR", object })}\n`);
      return;
    }
    const isWrite = method !== "GET";
    if (isWrite) this.#writes += 1;
    if (isWrite && isTurn(this.#writes, this.faults.conflictEvery)) {
      const message = "the object has been modified; please apply your changes to the latest version and try again";
      return this.#refuse(outgoing, 409, "Conflict", message);
    }
    const isList = method === "GET" && query.has("limit");
    if (isList) this.pages.push({ path: url.split("?", 1)[0] ?? "", atMs: performance.now() });
    if (isList && this.faults.listDelayMs > 0) await sleep(this.faults.listDelayMs);
    this.#pass(incoming, outgoing, { isWatch, isLost: isWrite && isTurn(this.#writes, this.faults.loseAnswerEvery) });
  }

  #pass(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    { isWatch, isLost }: { readonly isWatch: boolean; readonly isLost: boolean },
  ): void {
    this.passed += 1;
    if (incoming.method !== "GET") this.written.push(`${incoming.method} ${incoming.url}`);
    const { server, token } = this.#upstream;
    const { host: _, ...headers } = incoming.headers;
    const onward = https.request(
      {
        ...{ hostname: server.hostname, port: server.port, agent: this.#agent },
        ...{ method: incoming.method, path: incoming.url },
        headers: { ...(headers as OutgoingHttpHeaders), authorization: `Bearer ${token}` },
      },
      (answer) => {
        if (isLost) {
          this.broken += 1;
          answer.resume();
          // It has been carried out by now.
          outgoing.destroy();
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        if (isWatch) this.#watches.add(outgoing);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => outgoing.destroy());
    outgoing.once("close", () => {
      this.#watches.delete(outgoing);
      onward.destroy();
    });
    incoming.pipe(onward);
  }

  #refuse(
    outgoing: ServerResponse,
    code: number,
    reason: string,
    message: string,
    headers: OutgoingHttpHeaders = {},
  ): void {
    this.broken += 1;
    outgoing.writeHead(code, { "content-type": "application/json", ...headers });
    outgoing.end(failureStatus(code, reason, message));
  }

  /** As the kubelet does: whole, or not at all. */
  async #writeToken(): Promise<void> {
    const path = join(this.#directory, "token");
    await writeFile(`${path}.new`, this.#token, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  async #writeKubeconfig(): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    const ca = Buffer.from(this.#authority.certificatePem).toString("base64");
    const config = {
      ...{ apiVersion: "v1", kind: "Config", "current-context": "faulty" },
      clusters: [
        { name: "faulty", cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority-data": ca } },
      ],
      users: [{ name: "faulty", user: { tokenFile: join(this.#directory, "token") } }],
      contexts: [{ name: "faulty", context: { cluster: "faulty", user: "faulty" } }],
    };
    await writeFile(this.kubeconfig, JSON.stringify(config), { mode: 0o600 });
  }
}

function isTurn(count: number, every: number): boolean {
  return every > 0 && count % every === 0;
}

/** For loopback; it ends so far from now. */
function certificate(authority: CertificateAndKey, endsInMs: number): Promise<CertificateAndKey> {
  const notAfter = new Date(Date.now() + endsInMs);
  const now = new Date(Math.min(Date.now(), notAfter.getTime() - DAY_MS));
  return createServerCertificate({ authority, name: "faulty-api", hosts: ["127.0.0.1"], now, notAfter });
}

function tls({ certificatePem, keyPem }: CertificateAndKey): { cert: string; key: string } {
  return { cert: certificatePem, key: keyPem };
}
