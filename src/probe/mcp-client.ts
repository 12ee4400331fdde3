import type { Client, Transport } from "@modelcontextprotocol/client";
import { printable, ToolCount } from "./mcp-facts.ts";
import { invalidAnswer, ProbeError } from "./probe-error.ts";
import type { McpFacts } from "./prober.ts";
import type { SdkWire } from "./sdk-wire.ts";

export type Sdk = typeof import("@modelcontextprotocol/client");

/**
 * The SDK costs about 90 ms of CPU and 35 MB to load, which a start without MCP servers to probe need not pay.
 * Node keeps it after the first call.
 */
export function loadSdk(): Promise<Sdk> {
  return import("@modelcontextprotocol/client");
}

export const CLIENT_INFO = { name: "slipway-probe", version: "1" };

/** What a server said when it was greeted. */
export interface Greeting {
  readonly era: "modern" | "legacy";
  readonly protocolVersion: string;
  readonly serverInfo: McpFacts["serverInfo"];
  readonly offersTools: boolean;
}

/**
 * @param revision which the server itself speaks, where that is known to be another than what the client agreed on.
 * @throws {Error} unless `client` is connected.
 */
export function greetingOf(client: Client, revision = client.getNegotiatedProtocolVersion()): Greeting {
  const { name = "", version = "" } = client.getServerVersion() ?? {};
  return {
    era: client.getProtocolEra() ?? "legacy",
    protocolVersion: revision ?? "",
    serverInfo: { name: printable(name), version: printable(version) },
    offersTools: client.getServerCapabilities()?.tools !== undefined,
  };
}

/** Reads all pages, up to a bound. `onFirstPage` is called when the first has arrived. */
export async function countTools(client: Client, timeoutMs: number, onFirstPage?: () => void): Promise<ToolCount> {
  const count = new ToolCount();
  let cursor: string | undefined;
  do {
    const params = cursor === undefined ? {} : { cursor };
    const page = await client.request({ method: "tools/list", params }, { timeout: timeoutMs });
    if (cursor === undefined) onFirstPage?.();
    count.add(page.tools.map(({ name }) => name));
    cursor = page.nextCursor;
  } while (cursor !== undefined && !count.full);
  return count;
}

export function factsOf({ protocolVersion, serverInfo }: Greeting, count: ToolCount | undefined): McpFacts {
  return { protocolVersion, serverInfo, ...(count?.facts ?? { tools: undefined, toolNames: [] }) };
}

/** Why the SDK gave up, without its words: they quote the server. */
export function failureOfClient(error: unknown, wire: SdkWire, sdk: Sdk): ProbeError {
  if (error instanceof ProbeError) return error;
  if (wire.failure !== undefined) return wire.failure;
  const asked = wire.last?.method ?? "the first request";
  if (error instanceof sdk.ProtocolError && Number.isInteger(error.code)) {
    return invalidAnswer(`answered ${asked} with the JSON-RPC error ${error.code}; look at the server's logs`, error);
  }
  return invalidAnswer(`its answer to ${asked} is not what MCP prescribes`, error);
}

/** Closes without a word to the server. */
export async function closeQuietly(client: Client, transport: Transport): Promise<void> {
  await client.close();
  // A client whose connect failed has let go of its transport.
  await transport.close();
}
