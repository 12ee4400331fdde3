import type { HeldCall } from "../../../src/gateway/bridge/era/held/held-call.ts";
import { HeldCalls, type HeldLimits } from "../../../src/gateway/bridge/era/held/held-calls.ts";
import type { Message } from "../../../src/gateway/bridge/message.ts";
import { StdioServers, type StdioServersOptions } from "../../../src/gateway/bridge/stdio/stdio-servers.ts";
import { FakeClock } from "../fake-clock.ts";
import { request, ScriptedChannel, ScriptedClient } from "./server-channel.ts";

/** A process that can be told to answer what it was asked last. */
export class ScriptedServer extends ScriptedChannel {
  answers(method: string, result: Record<string, unknown>): void {
    this.says({ jsonrpc: "2.0", id: this.sentOf(method).at(-1)?.id ?? 0, result });
  }
}

export interface Round {
  readonly inputRequests: Record<string, { method: string; params?: Record<string, unknown> }>;
  readonly requestState: string;
}

interface AskedWith {
  readonly method?: string;
  readonly clientInfo?: Record<string, unknown>;
  readonly capabilities?: Record<string, unknown>;
}

const OFFERED = { sampling: {}, elicitation: { form: {} } };

/** Servers of an earlier revision over stdio, and clients of 2026-07-28, each request on a port of its own as over HTTP. */
export function heldWorld({
  held: limits,
  ...options
}: Partial<Omit<StdioServersOptions, "held">> & { held?: Partial<HeldLimits> } = {}) {
  const clock = new FakeClock();
  const held = new HeldCalls<HeldCall>(clock, limits);
  const own: ScriptedServer[] = [];
  const shared: ScriptedServer[] = [];
  const opened = (channels: ScriptedServer[]) => async () => {
    const channel = new ScriptedServer();
    channel.answer = ({ method }) => {
      if (method === "server/discover") return {};
      return method === "initialize" ? { protocolVersion: "2025-11-25", capabilities: {} } : undefined;
    };
    channels.push(channel);
    return channel.open;
  };
  const servers = new StdioServers({
    ...{ clock, clientInfo: { name: "slipway", version: "1" }, sessionMode: "Shared", ownProcesses: 16 },
    ...{ openShared: opened(shared), openOwn: opened(own), held },
    ...options,
  });
  let lastId = 0;
  /** Sends a request; what follows has happened as far as it does by itself. */
  const call = async (
    owner: string,
    params: Record<string, unknown> = {},
    { method = "tools/call", capabilities = OFFERED, clientInfo = { name: "test", version: "1" } }: AskedWith = {},
  ) => {
    const client = new ScriptedClient();
    const port = await servers.connectStateless(client, { owner });
    lastId += 1;
    const id = lastId;
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": capabilities,
      "io.modelcontextprotocol/clientInfo": clientInfo,
      ...(params._meta as Record<string, unknown>),
    };
    port.send(request(id, method, { name: "tool", ...params, _meta }));
    await settled();
    const answer = async (): Promise<Message | undefined> => {
      await settled();
      return client.answerTo(id);
    };
    const input = async () => ((await answer()) as unknown as { result: Round }).result;
    return { client, port, id, answer, input };
  };
  return { clock, held, own, shared, servers, call, settled };
}

/** What follows by itself has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
