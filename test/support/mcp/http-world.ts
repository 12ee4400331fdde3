import type { HttpEndpoint } from "../../../src/backends/workload-endpoint.ts";
import type { HeldCall } from "../../../src/gateway/bridge/era/held/held-call.ts";
import { HeldCalls } from "../../../src/gateway/bridge/era/held/held-calls.ts";
import type { HttpServers } from "../../../src/gateway/bridge/http/http-servers.ts";
import { type HttpServerOptions, httpServer } from "../../../src/gateway/mcp/bridged/http-server.ts";
import { systemClock } from "../../../src/machinery/clock.ts";
import { eventually } from "../eventually.ts";
import { type Script, ScriptedMcpServer } from "../scripted-mcp-server.ts";
import { request, ScriptedClient } from "./server-channel.ts";

export interface HttpWorld extends AsyncDisposable {
  readonly server: ScriptedMcpServer;
  readonly servers: HttpServers;
  readonly dropped: string[];
  /** One request of a client of 2026-07-28 that cannot be asked. */
  ask(method: string, params?: Record<string, unknown>, owner?: string): Promise<Asked>;
}

export interface Asked {
  readonly client: ScriptedClient;
  /** Its answer, once there is one. */
  answer(): Promise<Record<string, unknown>>;
  close(): void;
}

export const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** A bridge over real sockets to a server that does what a script says. */
export async function httpWorld(
  script: Script,
  { protocolVersion, ...endpoint }: Partial<HttpEndpoint> & Pick<HttpServerOptions, "protocolVersion"> = {},
): Promise<HttpWorld> {
  const server = await ScriptedMcpServer.start(script);
  const dropped: string[] = [];
  const servers = await httpServer(
    { kind: "http", transport: "streamable-http", url: server.url, instance: "1", ...endpoint },
    {
      ...{ clock: systemClock, via: "1.1 test", held: new HeldCalls<HeldCall>(systemClock), protocolVersion },
      onDropped: (reason) => dropped.push(reason),
    },
  );
  let lastId = 0;
  return {
    ...{ server, servers, dropped },
    async ask(method, params = {}, owner = "me") {
      const client = new ScriptedClient();
      const port = await servers.connectStateless(client, { owner });
      lastId += 1;
      const id = `c${lastId}`;
      port.send(request(id, method, { ...params, _meta: { ...ENVELOPE, ...(params._meta as object | undefined) } }));
      return {
        client,
        async answer() {
          await eventually(`${method} is answered`, () => client.answerTo(id) !== undefined, { everyMs: 2 });
          port.close();
          return client.answerTo(id) as unknown as Record<string, unknown>;
        },
        close: () => port.close(),
      };
    },
    async [Symbol.asyncDispose]() {
      servers.close("the test is over");
      await eventually("its sessions have ended", () => servers.sessions === 0, { everyMs: 2 });
      await server[Symbol.asyncDispose]();
    },
  };
}
