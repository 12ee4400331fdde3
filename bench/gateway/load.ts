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
 * The load of a plain HTTP client, in a process of its own: `node load.ts URL CLIENTS CALLS`. Calls a tool in MCP's revision
 * 2025-11-25, as a client without session does; an SDK's client would cost more than what is measured.
 */
const [url = "", clients = "1", calls = "1000"] = process.argv.slice(2);
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
  params: { name: "echo", arguments: { text: "hello" } },
});

function call(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let length = 0;
  pool.dispatch(
    { path: pathname, method: "POST", headers, body },
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

async function run(count: number): Promise<number[]> {
  const tookMs: number[] = [];
  let left = count;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const began = performance.now();
      await call();
      tookMs.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: Number(clients) }, client));
  return tookMs;
}

await run(WARM_UP);
const began = performance.now();
const tookMs = (await run(Number(calls))).sort((a, b) => a - b);
const perSecond = (tookMs.length * 1_000) / (performance.now() - began);
const result: LoadResult = { perSecond, p50Ms: tookMs[tookMs.length >> 1] ?? 0, calls: tookMs.length + WARM_UP };
console.log(JSON.stringify(result));
await pool.destroy();
