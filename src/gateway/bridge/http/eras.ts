import type { Eras } from "../bridged-server.ts";
import { type Fields, isAnswer, type Message, type Request } from "../message.ts";
import { FIRST_STATELESS_VERSION, LAST_SESSION_VERSION, MetaKey, SESSION_VERSIONS } from "../meta-keys.ts";
import { type HttpAnswer, type HttpRequest, headerOf, RequestFailed } from "./http-request.ts";
import { readAnswer } from "./read-answer.ts";

export interface ErasOptions {
  readonly request: HttpRequest;
  readonly transport: "streamable-http" | "sse";
  /** Path and query of the MCP endpoint. */
  readonly path: string;
  readonly clientInfo: { readonly name: string; readonly version: string };
  /**
   * What was agreed on with a client of both eras, where one has been there: such a client takes the later one where it can.
   * That it did not says all there is to know.
   */
  readonly protocolVersion?: string | undefined;
}

/** For both questions together. */
const TIMEOUT_MS = 15_000;
/** Nobody waits for the end of a session that was none. */
const END_TIMEOUT_MS = 5_000;
/** A greeting has a few KiB, with instructions. */
const LONGEST_GREETING_BYTES = 4 * 1024 * 1024;

/** Which eras the server speaks: at most two questions and the end of the session that one of them may begin. @throws {RequestFailed} */
export async function erasOf(options: ErasOptions): Promise<Eras> {
  const { transport, protocolVersion } = options;
  const isEarlier = protocolVersion !== undefined && SESSION_VERSIONS.includes(protocolVersion);
  if (transport === "sse" || isEarlier) return { stateless: false, sessions: true };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const discovered = await discover(options, signal);
  const stateless = speaks(discovered, FIRST_STATELESS_VERSION);
  return { stateless, sessions: await takesSessions(options, signal) };
}

/** What the server says of itself in revision 2026-07-28. @returns undefined where it does not. @throws {RequestFailed} */
export async function discover(
  { request, path, clientInfo }: Pick<ErasOptions, "request" | "path" | "clientInfo">,
  signal: AbortSignal,
): Promise<Fields | undefined> {
  const _meta = {
    [MetaKey.protocolVersion]: FIRST_STATELESS_VERSION,
    [MetaKey.clientInfo]: clientInfo,
    [MetaKey.clientCapabilities]: {},
  };
  const headers = { "mcp-protocol-version": FIRST_STATELESS_VERSION, "mcp-method": "server/discover" };
  const [result] = await ask({ request, path, signal, headers }, "server/discover", { _meta });
  return result;
}

async function takesSessions({ request, path, clientInfo }: ErasOptions, signal: AbortSignal): Promise<boolean> {
  const params = { protocolVersion: LAST_SESSION_VERSION, capabilities: {}, clientInfo };
  const [result, answer] = await ask({ request, path, signal, headers: {} }, "initialize", params);
  if (result === undefined || typeof result.protocolVersion !== "string") return false;
  const session = headerOf(answer, "mcp-session-id");
  if (session !== undefined) await endSession({ request, path, session, version: result.protocolVersion });
  return SESSION_VERSIONS.includes(result.protocolVersion);
}

interface Asking {
  readonly request: HttpRequest;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
}

async function ask(
  { request, path, signal, headers }: Asking,
  method: string,
  params: Fields,
): Promise<readonly [Fields | undefined, HttpAnswer]> {
  const message: Request = { jsonrpc: "2.0", id: 1, method, params: { ...params } };
  const answer = await request({
    ...{ method: "POST", path, signal, isCall: true, body: JSON.stringify(message) },
    headers: { accept: "application/json, text/event-stream", "content-type": "application/json", ...headers },
  });
  let said: Message | undefined;
  const onMessage = (each: Message) => {
    if (isAnswer(each) && each.id === 1) said ??= each;
  };
  await readAnswer(answer, { onMessage }, LONGEST_GREETING_BYTES);
  return [said && "result" in said ? said.result : undefined, answer];
}

async function endSession({
  request,
  path,
  session,
  version,
}: Pick<ErasOptions, "request" | "path"> & { session: string; version: string }): Promise<void> {
  const headers = { "mcp-session-id": session, "mcp-protocol-version": version };
  try {
    const signal = AbortSignal.timeout(END_TIMEOUT_MS);
    await readAnswer(await request({ method: "DELETE", path, headers, signal, isCall: true }), {
      onMessage: () => undefined,
    });
  } catch (error) {
    // It ends by itself, some time.
    if (!(error instanceof RequestFailed)) throw error;
  }
}

function speaks(discovered: Fields | undefined, version: string): boolean {
  const { supportedVersions } = discovered ?? {};
  return Array.isArray(supportedVersions) && supportedVersions.includes(version);
}
