import { request as httpRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { FORWARDED_HEADER } from "../mcp/request-headers.ts";
import { Refusal } from "../refusal.ts";
import { type Leader, parseGatewayAddress } from "./leader.ts";

export interface ForwardedAnswerOptions {
  readonly leader: Leader;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Called once, when the answer has ended in one way or another, unless this throws. */
  readonly onEnd: () => void;
}

/** To have the first byte: above what the leader may take to ask a backend what is used. */
const ANSWER_TIMEOUT_MS = 15_000;
/** Of the answer's headers: the client's. The rest is of the hop, or set anew. */
const PASSED = ["content-type", "cache-control", "x-content-type-options", "retry-after", "www-authenticate"];

/**
 * The leader's answer to what stands at `/-/`, as it comes. The caller's rights were looked at here, and are again there.
 * @throws {Refusal} where there is no leader to ask, or it does not answer.
 */
export async function forwardedAnswer(
  request: Request,
  { leader, signal, onEnd }: ForwardedAnswerOptions,
): Promise<Response> {
  // Never a second hop.
  if (request.headers.has(FORWARDED_HEADER)) throw unavailable("another replica is about to lead");
  const address = leader.gatewayAddress === undefined ? undefined : parseGatewayAddress(leader.gatewayAddress);
  if (address === undefined) throw unavailable("no replica leads just now");
  const { pathname, search } = new URL(request.url);
  const { hostname: host, port } = address;
  const authorization = request.headers.get("authorization");
  const headers = { host: address.host, [FORWARDED_HEADER]: "1", ...(authorization !== null && { authorization }) };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = httpRequest({ host, port, path: `${pathname}${search}`, headers, signal, agent: false });
  const late = setTimeout(() => outgoing.destroy(new Error("no answer in time")), ANSWER_TIMEOUT_MS);
  outgoing.once("response", resolve).on("error", reject).end();
  try {
    const answer = await promise;
    // Whoever reads the body hears of it there.
    answer.on("error", () => undefined).once("close", onEnd);
    const passed = PASSED.flatMap((name) => {
      const value = answer.headers[name];
      return typeof value === "string" ? [[name, value] as [string, string]] : [];
    });
    return new Response(Readable.toWeb(answer) as ReadableStream, {
      status: answer.statusCode ?? 502,
      headers: passed,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw unavailable("the replica that leads does not answer");
  } finally {
    clearTimeout(late);
  }
}

function unavailable(why: string): Refusal {
  const message = `logs and use are where the controllers run, and ${why}; try again`;
  return new Refusal(503, "ServiceUnavailable", message, { "retry-after": "2" });
}
