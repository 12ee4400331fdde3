import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCertificates } from "../../src/server/http/certificates.ts";
import { listen } from "./listen.ts";

/** Of an AdmissionReview's request what tests look at. */
export interface ReviewRequest {
  readonly uid: string;
  readonly operation: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly subResource?: string;
  readonly dryRun: boolean;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly requestKind: object;
  readonly userInfo: { readonly username: string; readonly groups: readonly string[] };
  readonly object: Record<string, unknown> | null;
  readonly oldObject: Record<string, unknown> | null;
  readonly options: Record<string, unknown> | null;
}

/** What a handler answers: the response without its uid, or anything at all. */
export type WebhookAnswer =
  | { readonly response: object }
  /** As it is, with a status of its own. */
  | { readonly raw: string; readonly status?: number }
  /** Never. */
  | "silence";

export type WebhookHandler = (request: ReviewRequest, path: string) => WebhookAnswer | Promise<WebhookAnswer>;

/** A real admission webhook behind TLS, with an authority of its own. `handler` may be replaced at any time. */
export interface WebhookServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** PEM in base64, as configurations have it. */
  readonly caBundle: string;
  /** Requests since the last reset, oldest first. */
  readonly requests: ReviewRequest[];
  handler: WebhookHandler;
}

/** `names` are what its certificate is valid for; it listens on `address`. */
export async function startWebhookServer(
  names: readonly string[] = ["127.0.0.1", "localhost"],
  address = "127.0.0.1",
): Promise<WebhookServer> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-webhook-"));
  const { caPem, certificatePem, keyPem } = await loadCertificates(directory, names, new Date());
  const requests: ReviewRequest[] = [];
  const served: { handler: WebhookHandler } = { handler: allow };
  const server: Server = createServer({ cert: certificatePem, key: keyPem }, (message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", async () => {
      const { request } = JSON.parse(Buffer.concat(chunks).toString()) as { request: ReviewRequest };
      requests.push(request);
      const answer = await served.handler(request, message.url ?? "");
      if (answer === "silence") return;
      if ("raw" in answer) {
        response.writeHead(answer.status ?? 200, { "content-type": "application/json" });
        response.end(answer.raw);
        return;
      }
      const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ ...review, response: { uid: request.uid, ...answer.response } }));
    });
  });
  const host = await listen(server, 0, address);
  return {
    host,
    port: Number(host.split(":")[1]),
    caBundle: Buffer.from(caPem).toString("base64"),
    requests,
    get handler() {
      return served.handler;
    },
    set handler(handler) {
      served.handler = handler;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export const allow: WebhookHandler = () => ({ response: { allowed: true } });

/** Allows, with a JSON patch. */
export function patchOf(...operations: readonly object[]): WebhookAnswer {
  const patch = Buffer.from(JSON.stringify(operations)).toString("base64");
  return { response: { allowed: true, patchType: "JSONPatch", patch } };
}

export function deny(message: string, status: object = {}): WebhookAnswer {
  return { response: { allowed: false, status: { message, ...status } } };
}
