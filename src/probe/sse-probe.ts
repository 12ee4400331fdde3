import { Connection, type ProbeWay } from "./connection.ts";
import { CLIENT_INFO, closeQuietly, countTools, factsOf, failureOfClient, greetingOf, loadSdk } from "./mcp-client.ts";
import type { Probe } from "./probe.ts";
import type { McpFacts } from "./prober.ts";
import { SdkWire } from "./sdk-wire.ts";

/** Bytes that one probe reads, as over streamable HTTP. */
const ANSWER_LIMIT = 4 * 1024 * 1024;

/**
 * MCP over the HTTP+SSE transport of revision 2024-11-05. Its session is its stream, and a stream kept between probes
 * would hold a socket at either end, so each run opens one, greets, lists the tools and closes it. Revisions since
 * 2026-07-28 do not have this transport: nothing is negotiated.
 */
export class SseProbe implements Probe {
  readonly #url: URL;
  readonly #way: ProbeWay | undefined;

  /** `way`: where the URL is not dialled. */
  constructor(url: string, way?: ProbeWay) {
    this.#url = new URL(url);
    this.#way = way;
  }

  async run({ signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number }): Promise<McpFacts> {
    const sdk = await loadSdk();
    signal.throwIfAborted();
    const connection = new Connection({ limitBytes: ANSWER_LIMIT, signal, way: this.#way });
    const wire = new SdkWire(connection);
    const client = new sdk.Client(CLIENT_INFO);
    const transport = new sdk.SSEClientTransport(this.#url, { fetch: wire.sse });
    // Answers come on the stream, so nobody waits at the place where the transport finds it broken.
    const { promise: broken, reject } = Promise.withResolvers<never>();
    transport.onerror = reject;
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    try {
      return await Promise.race([broken, list()]);
    } catch (error) {
      signal.throwIfAborted();
      throw failureOfClient(error, wire, sdk);
    } finally {
      await closeQuietly(client, transport);
      connection.close();
    }

    async function list(): Promise<McpFacts> {
      await client.connect(transport, { timeout: timeoutMs });
      const greeting = greetingOf(client);
      return factsOf(greeting, greeting.offersTools ? await countTools(client, timeoutMs) : undefined);
    }
  }

  async end(): Promise<void> {
    // Nothing is kept between runs.
  }
}
