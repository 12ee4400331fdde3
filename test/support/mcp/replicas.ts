import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Endpoint } from "../../../src/gateway/directory.ts";
import type { DataPathOptions } from "../../../src/gateway/mcp/data-path.ts";
import { eventually } from "../eventually.ts";
import { ask, type GatewayUnderTest, startGatewayUnderTest } from "../mcp-gateway.ts";

/** As the directory of a replica has it that does not lead: how it is reached the status does not say. */
export function seenByFollower({ upstream: _upstream, ...endpoint }: Endpoint): Endpoint {
  const message = "the controller has not looked at what runs yet";
  const state = { ready: false, reason: "Pending", message, retryAfterSeconds: 2 } as const;
  return { ...endpoint, state, upstream: undefined, elsewhere: true };
}

export const addressOf = (url: string): string => new URL(url).host;

/** A gateway that takes `leaderUrl` for the leader's; undefined: nobody leads. */
export async function startFollower(
  endpoints: readonly Endpoint[],
  leaderUrl: string | undefined,
  options: Partial<DataPathOptions> = {},
): Promise<GatewayUnderTest> {
  const gateway = await startGatewayUnderTest(endpoints, { ...options, isReplica: true });
  gateway.dataPath.follow({ isSelf: false, gatewayAddress: leaderUrl && addressOf(leaderUrl) });
  return gateway;
}

/** Until a follower has seen that it reaches the server of `team-a/NAME` itself. Asks it by GET, with a bearer token. */
export async function servesItself(gateway: GatewayUnderTest, name: string, token = "none"): Promise<void> {
  const before = gateway.dataPath.stats().answered;
  const look = async () => {
    await ask(`${gateway.url}/team-a/${name}/mcp`, { headers: { authorization: `Bearer ${token}` } });
    return gateway.dataPath.stats().answered > before;
  };
  await eventually(`a follower serves ${name} itself`, look, { everyMs: 5 });
}

export async function startLeader(
  endpoints: readonly Endpoint[],
  options: Partial<DataPathOptions> = {},
): Promise<GatewayUnderTest> {
  const gateway = await startGatewayUnderTest(endpoints, { ...options, isReplica: true });
  gateway.dataPath.follow({ isSelf: true, gatewayAddress: undefined });
  return gateway;
}

export interface LeaderProcess extends AsyncDisposable {
  readonly url: string;
  /** With SIGKILL, or SIGSTOP. */
  kill(signal: "SIGKILL" | "SIGSTOP"): void;
}

/** A leader in a process of its own, with servers over stdio: `everything` and `modern`. `sse`: URL of `legacy`. */
export async function startLeaderProcess(sse?: string): Promise<LeaderProcess> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "leader-child.ts"), ...(sse === undefined ? [] : [sse])],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    url: line.toString().trim(),
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
