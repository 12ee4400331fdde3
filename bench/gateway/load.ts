import { Pool } from "undici";

/** What one run found. */
export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  /** With those that only warmed up. */
  readonly calls: number;
}

const WARM_UP = 500;

/**
 * The load of a plain HTTP client, in a process of its own: `node load.ts URL CLIENTS CALLS WIRE`. Calls a tool in MCP's revision
 * 2025-11-25, each client in a session of its own (`session`) or without one (`bare`); an SDK's client would cost more than what
 * is measured.
 */
const [url = "", clients = "1", calls = "1000", wire = "bare"] = process.argv.slice(2);
const { origin, pathname } = new URL(url);
const pool = new Pool(origin, { connections: Number(clients), pipelining: 1 });
const headers = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};
const body = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  // One of the two is what the server at hand takes, and the other is ignored.
  params: { name: "echo", arguments: { text: "hello", message: "hello" } },
});

function call(own: Readonly<Record<string, string>>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let length = 0;
  pool.dispatch(
    { path: pathname, method: "POST", headers: { ...headers, ...own }, body },
    {
      onRequestStart: () => undefined,
      onResponseStart(_controller, status) {
        if (status !== 200) reject(new Error(`status ${status}`));
      },
      onResponseData(_controller, chunk) {
        length += chunk.length;
      },
      onResponseEnd() {
        if (length > 0) resolve();
        else reject(new Error("an empty answer"));
      },
      onResponseError: (_controller, error) => reject(error),
    },
  );
  return promise;
}

/** The header that names a session of its own. */
async function openSession(): Promise<Readonly<Record<string, string>>> {
  const send = async (message: object, own: Record<string, string> = {}) => {
    const sent = { path: pathname, method: "POST", headers: { ...headers, ...own } } as const;
    const answer = await pool.request({ ...sent, body: JSON.stringify({ jsonrpc: "2.0", ...message }) });
    await answer.body.dump();
    if (answer.statusCode >= 300) throw new Error(`status ${answer.statusCode} at the beginning of a session`);
    return answer.headers["mcp-session-id"];
  };
  const clientInfo = { name: "bench", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const id = await send({ id: 0, method: "initialize", params });
  if (typeof id !== "string") throw new Error("the server began no session");
  await send({ method: "notifications/initialized" }, { "mcp-session-id": id });
  return { "mcp-session-id": id };
}

async function run(count: number): Promise<number[]> {
  const tookMs: number[] = [];
  let left = count;
  const client = async (own: Readonly<Record<string, string>>) => {
    while (left > 0) {
      left -= 1;
      const began = performance.now();
      await call(own);
      tookMs.push(performance.now() - began);
    }
  };
  await Promise.all(owns.map(client));
  return tookMs;
}

const owns = await Promise.all(
  Array.from({ length: Number(clients) }, () => (wire === "session" ? openSession() : {})),
);
await run(WARM_UP);
const began = performance.now();
const tookMs = (await run(Number(calls))).sort((a, b) => a - b);
const perSecond = (tookMs.length * 1_000) / (performance.now() - began);
const result: LoadResult = { perSecond, p50Ms: tookMs[tookMs.length >> 1] ?? 0, calls: tookMs.length + WARM_UP };
console.log(JSON.stringify(result));
await pool.destroy();
