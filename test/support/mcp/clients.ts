import * as v2 from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SseV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as StreamableV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { type RecordedMessage, recording } from "./recording-transport.ts";

export interface CallOptions {
  /** Called with each progress notification. */
  readonly onProgress?: () => void;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** A client of either version of the SDK, connected. */
export interface McpClient extends AsyncDisposable {
  call(method: string, params?: Record<string, unknown>, options?: CallOptions): Promise<Record<string, unknown>>;
  /** Every message in the order in which it went. */
  readonly recorded: readonly RecordedMessage[];
  readonly protocolVersion: string | undefined;
  /** The SDK's own client, of version 2. */
  readonly v2: v2.Client | undefined;
}

export type ClientKind = "v1 streamable" | "v1 sse" | "v2 legacy" | "v2 auto" | "v2 pinned" | "v2 sse";

const INFO = { name: "test", version: "1" };
const CAPABILITIES = { sampling: {}, elicitation: { form: {} } };
const REVISION = "2026-07-28";
const SAMPLED = { model: "none", role: "assistant", content: { type: "text", text: "sampled" } } as const;
const ELICITED = { action: "decline" } as const;

/**
 * Connects. `headers` go with each request. The client answers sampling and elicitation, unless its `capabilities` are others.
 */
export function connectClient(
  kind: ClientKind,
  url: string,
  headers: Record<string, string> = {},
  capabilities: Partial<typeof CAPABILITIES> = CAPABILITIES,
): Promise<McpClient> {
  const connect = kind.startsWith("v1") ? connectV1 : connectV2;
  return connect({ kind, url, headers, capabilities });
}

interface Connecting {
  readonly kind: ClientKind;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly capabilities: Partial<typeof CAPABILITIES>;
}

async function connectV1({ kind, url, headers, capabilities }: Connecting): Promise<McpClient> {
  const recorded: RecordedMessage[] = [];
  const client = new ClientV1(INFO, { capabilities });
  if (capabilities.sampling) client.setRequestHandler(CreateMessageRequestSchema, async () => SAMPLED);
  if (capabilities.elicitation) client.setRequestHandler(ElicitRequestSchema, async () => ELICITED);
  const options = { requestInit: { headers } };
  const inner = kind === "v1 sse" ? new SseV1(new URL(url), options) : new StreamableV1(new URL(url), options);
  const transport = recording(inner, recorded);
  // Its types do not go with exactOptionalPropertyTypes.
  await client.connect(transport as unknown as Parameters<typeof client.connect>[0]);
  return {
    recorded,
    protocolVersion: undefined,
    v2: undefined,
    call: (method, params = {}, { onProgress, signal, timeoutMs = 20_000 } = {}) =>
      client.request({ method, params }, z.looseObject({}), {
        timeout: timeoutMs,
        ...(onProgress && { onprogress: () => onProgress() }),
        ...(signal && { signal }),
      }),
    async [Symbol.asyncDispose]() {
      if (inner instanceof StreamableV1) await inner.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}

async function connectV2({ kind, url, headers, capabilities }: Connecting): Promise<McpClient> {
  const recorded: RecordedMessage[] = [];
  const mode = kind === "v2 auto" ? "auto" : kind === "v2 pinned" ? { pin: REVISION } : "legacy";
  const client = new v2.Client(INFO, { capabilities, versionNegotiation: { mode } });
  if (capabilities.sampling) client.setRequestHandler("sampling/createMessage", async () => SAMPLED);
  if (capabilities.elicitation) client.setRequestHandler("elicitation/create", async () => ELICITED);
  const options = { requestInit: { headers } };
  const inner =
    kind === "v2 sse"
      ? new v2.SSEClientTransport(new URL(url), options)
      : new v2.StreamableHTTPClientTransport(new URL(url), options);
  await client.connect(recording(inner as v2.Transport, recorded));
  return {
    recorded,
    protocolVersion: client.getNegotiatedProtocolVersion(),
    v2: client,
    call: (method, params = {}, { onProgress, signal, timeoutMs = 20_000 } = {}) =>
      client.request({ method, params }, z.looseObject({}), {
        timeout: timeoutMs,
        ...(onProgress && { onprogress: () => onProgress() }),
        ...(signal && { signal }),
      }),
    async [Symbol.asyncDispose]() {
      if (inner instanceof v2.StreamableHTTPClientTransport) await inner.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}
