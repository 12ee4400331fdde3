import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";

/**
 * The least that a proxy of Node can do, in a process of its own: `node bare-proxy.ts URL`. No access, limits, drains, routes,
 * back-pressure or failures; what it costs is what the gateway cannot fall below. Prints its URL.
 */
const { origin, pathname: path } = new URL(process.argv[2] ?? "");
const pool = new Pool(origin, { connections: null, pipelining: 1 });
const server = createServer((request, response) => {
  const sent: Buffer[] = [];
  request.on("data", (chunk: Buffer) => sent.push(chunk));
  request.on("end", () => {
    const { accept = "", "content-type": type = "" } = request.headers;
    const headers = { accept, "content-type": type };
    pool.dispatch(
      { path, method: "POST", headers, body: Buffer.concat(sent) },
      {
        onRequestStart: () => undefined,
        onResponseStart(_controller, status, { "content-type": type, "content-length": length }) {
          response.writeHead(status, { "content-type": String(type), "content-length": String(length) });
        },
        onResponseData: (_controller, chunk) => void response.write(chunk),
        onResponseEnd: () => void response.end(),
        onResponseError: () => void response.destroy(),
      },
    );
  });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`));
