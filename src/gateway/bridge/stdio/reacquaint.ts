import type { Answer, Fields } from "../message.ts";
import { LAST_SESSION_VERSION } from "../meta-keys.ts";

/** What a server offers is seen by whether it lists it. */
const LISTS: Readonly<Record<string, string>> = {
  tools: "tools/list",
  prompts: "prompts/list",
  resources: "resources/list",
};

/**
 * A process that was attached to before has had its handshake, and some servers refuse another. Such a one need not be started
 * again: it is asked what it lists, and what it answers is offered, without what cannot be seen (logs, subscriptions, changes).
 * @returns the result that its `initialize` would have had; undefined where it lists nothing, as one does that is no server.
 */
export async function reacquaint(ask: (method: string) => Promise<Answer | undefined>): Promise<Fields | undefined> {
  const capabilities: Record<string, Fields> = {};
  await Promise.all(
    Object.entries(LISTS).map(async ([capability, method]) => {
      const answer = await ask(method);
      if (answer && "result" in answer) capabilities[capability] = {};
    }),
  );
  if (Object.keys(capabilities).length === 0) return undefined;
  return { protocolVersion: LAST_SESSION_VERSION, capabilities, serverInfo: { name: "unknown", version: "unknown" } };
}
