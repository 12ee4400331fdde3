import { randomUUID } from "node:crypto";
import { eventually } from "../eventually.ts";
import type { CallOptions, McpClient } from "./clients.ts";

/** server-everything of npm (earlier revisions) or test/support/programs/every-feature.mjs (revision 2026-07-28). */
export type ServerProgram = "everything" | "every-feature";

export interface Conversation {
  readonly client: McpClient;
  readonly server: ServerProgram;
  /** Where the server finds `BIG_CHARACTERS` that do not compress; needed where it takes no large requests. */
  readonly bigFile?: string;
}

type Feature = (conversation: Conversation) => Promise<void>;

/** What "8 MB" means here. */
export const BIG_CHARACTERS = 8 * 1024 * 1024;
const STATELESS = "2026-07-28";
const LOG_LEVEL = "io.modelcontextprotocol/logLevel";
/** Updates and logs may come after an answer. */
const HEARD_MS = 20_000;

/** What clients do with servers; each throws where that does not work. */
export const FEATURES = {
  tools: async ({ client, server }) => {
    const { tools } = (await client.call("tools/list")) as { tools: { name: string }[] };
    mustBe(tools.some(({ name }) => name === "echo") && "echo is listed", "echo is listed");
    const message = `message of ${server} ${randomUUID()}`;
    mustBe(await callTool(client, "echo", { message }), `Echo: ${message}`);
  },
  prompts: async ({ client, server }) => {
    const { prompts } = (await client.call("prompts/list")) as { prompts: { name: string }[] };
    const [name, given] = server === "everything" ? ["args-prompt", { city: "Zürich" }] : ["talk", { topic: "Zürich" }];
    mustBe(prompts.some((each) => each.name === name) && "listed", "listed");
    const got = await client.call("prompts/get", { name, arguments: given });
    mustContain(JSON.stringify(got), "Zürich");
  },
  resources: async ({ client, server }) => {
    const uri = await firstResource(client);
    const read = (await client.call("resources/read", { uri })) as { contents: { uri: string }[] };
    mustBe(read.contents[0]?.uri, uri);
    const stop = await subscribe(client, uri);
    if (server === "everything") await startUpdates(client);
    else await callTool(client, "touch");
    const isHeard = () => notified(client, "notifications/resources/updated").some(({ params }) => params?.uri === uri);
    await eventually(`${uri} is updated`, isHeard, { timeoutMs: HEARD_MS, everyMs: 20 });
    await stop();
  },
  sampling: async ({ client, server }) => {
    const said = await (server === "everything"
      ? callTool(client, "trigger-sampling-request", { prompt: "p", maxTokens: 5 })
      : callTool(client, "samples"));
    mustContain(said, "sampled");
  },
  elicitation: async ({ client, server }) => {
    mustContain(
      await callTool(client, server === "everything" ? "trigger-elicitation-request" : "elicits"),
      "declined",
    );
  },
  progress: async ({ client, server }) => {
    let heard = 0;
    const options = {
      onProgress: () => {
        heard += 1;
      },
    };
    const [name, given] =
      server === "everything"
        ? (["trigger-long-running-operation", { duration: 0.3, steps: 3 }] as const)
        : (["steps", {}] as const);
    await callTool(client, name, given, options);
    mustBe(heard, 3);
  },
  cancellation: async ({ client, server }) => {
    const key = randomUUID();
    const cancel = new AbortController();
    const options = { onProgress: () => cancel.abort(), signal: cancel.signal };
    const call =
      server === "everything"
        ? callTool(client, "trigger-long-running-operation", { duration: 20, steps: 200 }, options)
        : callTool(client, "waits", { key }, options);
    const outcome = await call.then(
      () => "answered",
      () => "given up",
    );
    mustBe(outcome, "given up");
    // server-everything goes on with its work, and says nothing of it any more.
    if (server === "everything") return;
    const isToldOf = async () => (await callTool(client, "was-cancelled", { key })) === "true";
    await eventually("the server knows", isToldOf, { timeoutMs: HEARD_MS, everyMs: 50 });
  },
  logging: async ({ client, server }) => {
    const message = randomUUID();
    if (client.protocolVersion !== STATELESS) await client.call("logging/setLevel", { level: "debug" });
    const _meta = client.protocolVersion === STATELESS ? { [LOG_LEVEL]: "debug" } : {};
    const uri = `demo://log/${message}`;
    if (server === "every-feature") {
      await client.call("tools/call", { name: "logs", arguments: { message }, _meta });
    } else {
      // It logs who subscribes to what.
      mustBe(offers(client, "logging") && "logging is offered", "logging is offered");
      await subscribe(client, uri);
    }
    const isHeard = () => JSON.stringify(notified(client, "notifications/message")).includes(message);
    await eventually("the log is heard", isHeard, { timeoutMs: HEARD_MS, everyMs: 20 });
  },
  "8 MB results": async ({ client, server, bigFile }) => {
    if (server === "everything" && bigFile !== undefined) {
      const args = { name: randomUUID(), data: bigFile, outputType: "resource" };
      const result = await client.call("tools/call", { name: "gzip-file-as-resource", arguments: args });
      const { content } = result as { content: { resource?: { blob: string } }[] };
      mustBe((content[0]?.resource?.blob.length ?? 0) >= BIG_CHARACTERS, true);
    } else if (server === "everything") {
      const message = "b".repeat(BIG_CHARACTERS);
      mustBe((await callTool(client, "echo", { message })).length, "Echo: ".length + BIG_CHARACTERS);
    } else {
      mustBe((await callTool(client, "big")).length, BIG_CHARACTERS);
    }
  },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof FEATURES;

/** Calls a tool. Answers its text. */
export async function callTool(
  client: McpClient,
  name: string,
  given: Record<string, unknown> = {},
  options: CallOptions = {},
): Promise<string> {
  const result = await client.call("tools/call", { name, arguments: given }, { timeoutMs: 60_000, ...options });
  const { content } = result as { content: { text: string }[] };
  return content.map(({ text }) => text).join("\n");
}

/** Whether the server, or the gateway in its name, said that it has this capability. */
export function offers({ recorded }: McpClient, capability: string): boolean {
  const said = recorded
    .filter(({ way }) => way === "received")
    .map(({ message }) => (message.result as { capabilities?: Record<string, unknown> } | undefined)?.capabilities)
    .find((capabilities) => capabilities !== undefined);
  return said?.[capability] !== undefined;
}

export function notified({ recorded }: McpClient, method: string): { params?: Record<string, unknown> }[] {
  return recorded
    .filter(({ way, message }) => way === "received" && message.method === method)
    .map(({ message }) => message as { params?: Record<string, unknown> });
}

async function firstResource(client: McpClient): Promise<string> {
  const { resources } = (await client.call("resources/list")) as { resources: { uri: string }[] };
  return resources[0]?.uri ?? "";
}

/** By the means of the client's revision. Answers how to end it. */
async function subscribe(client: McpClient, uri: string): Promise<() => Promise<unknown>> {
  if (client.protocolVersion === STATELESS) {
    const subscription = await client.v2?.listen({ resourceSubscriptions: [uri] });
    return async () => await subscription?.close();
  }
  await client.call("resources/subscribe", { uri });
  return () => client.call("resources/unsubscribe", { uri });
}

/** Updates are on or off for all who share a process; when they are switched on, one comes at once. */
async function startUpdates(client: McpClient): Promise<void> {
  const isOn = async () => (await callTool(client, "toggle-subscriber-updates")).startsWith("Started");
  await eventually("updates are switched on", isOn, { timeoutMs: HEARD_MS, everyMs: 1 });
}

function mustBe(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${String(found).slice(0, 200)} instead of ${String(wanted).slice(0, 200)}`);
}

function mustContain(found: string, wanted: string): void {
  if (!found.includes(wanted)) throw new Error(`there is no ${wanted} in ${found.slice(0, 200)}`);
}
