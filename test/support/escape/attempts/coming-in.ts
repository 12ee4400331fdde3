import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { ESCAPE } from "../image.ts";
import type { Answer } from "../inside.ts";
import { PROFILES, type Profile, SECOND_PORT } from "../profiles.ts";
import type { Attempt } from "./attempt.ts";

/** Where the MCP server listens, and the control too. */
const MCP_PORT = 8080;
const PATIENCE_MS = 1_500;
const LISTENING_MS = 500;
/** A port that no profile lets in. */
const THIRD_PORT = 9191;

/** The machine itself, as its port proxy does, at ports of a workload. Connections begin outside the container here. */
export const COMING_IN: readonly Attempt[] = [
  comingIn("the transport's port", MCP_PORT, except("airgapped")),
  comingIn("a port that the profile may list", SECOND_PORT, ["unrestricted", "open"]),
  comingIn("a port that no profile lists", THIRD_PORT, ["unrestricted"]),
  {
    name: "calling the published endpoint",
    proves: ["network.ingressPorts"],
    succeedsIn: except("airgapped"),
    run: async ({ url }) => await call(url),
  },
];

function comingIn(what: string, port: number, succeedsIn: readonly Profile[]): Attempt {
  return {
    name: `coming in from the machine to ${what}`,
    proves: ["network.ingressPorts"],
    succeedsIn,
    run: async ({ inside, address }) => {
      if (port !== MCP_PORT) await inside.start([ESCAPE, "listen", String(port)]);
      await setTimeout(LISTENING_MS);
      return await connects(address, port);
    },
    control: "network",
  };
}

function except(...closed: readonly Profile[]): readonly Profile[] {
  return PROFILES.filter((profile) => !closed.includes(profile));
}

async function connects(host: string, port: number): Promise<Answer> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    const tell = (ok: boolean, why: string) => {
      socket.destroy();
      resolve({ ok, why });
    };
    socket.setTimeout(PATIENCE_MS, () => tell(false, "timeout"));
    socket.once("connect", () => tell(true, "connected")).once("error", (error) => tell(false, error.message));
  });
}

async function call(url: string | undefined): Promise<Answer> {
  if (url === undefined) return { ok: false, why: "there is no endpoint" };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(10_000) });
  return { ok: response.ok, why: `status ${response.status}` };
}
