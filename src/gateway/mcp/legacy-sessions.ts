import { randomBytes } from "node:crypto";
import { type EndpointKey, endpointPath } from "../directory.ts";
import { InvalidAnswer } from "./answers.ts";
import type { RequestId } from "./json-rpc.ts";

/** The stream of one client of a legacy SSE server, for as long as it is open. */
export interface LegacySession {
  /** Who opened it: nobody else may post into it. */
  readonly caller: string;
  /** The deployment and the instance behind it. */
  readonly owner: string;
  /** Where its messages go at the server: path and query. */
  readonly path: string;
  /** Which calls are on their way there. */
  sent(ids: readonly RequestId[]): void;
}

const PARAMETER = "sessionId";

/**
 * Where the messages of legacy SSE streams go. A client is told a name of the gateway's own, which nobody can guess, instead
 * of the server's path: it could otherwise post to any path of the server.
 */
export class LegacySessions {
  readonly #sessions = new Map<string, LegacySession>();

  get size(): number {
    return this.#sessions.size;
  }

  open(session: LegacySession): string {
    const id = randomBytes(18).toString("base64url");
    this.#sessions.set(id, session);
    return id;
  }

  close(id: string): void {
    this.#sessions.delete(id);
  }

  /** The session that a query names, where it is this caller's at this server. */
  find(query: string, { caller, owner }: Pick<LegacySession, "caller" | "owner">): LegacySession | undefined {
    const session = this.#sessions.get(new URLSearchParams(query).get(PARAMETER) ?? "");
    return session?.caller === caller && session.owner === owner ? session : undefined;
  }
}

/** What the client is told. `prefix`: the path below which the gateway is reached. */
export function clientEndpoint(prefix: string, key: EndpointKey, sessionId: string): string {
  return `${prefix}${endpointPath(key)}?${PARAMETER}=${sessionId}`;
}

/**
 * The server's endpoint as path and query. @throws {InvalidAnswer} where it lies elsewhere: a client would not go there either
 * (the SDKs refuse another origin), and messages carry what is meant for this server.
 */
export function serverEndpoint(endpoint: string, streamUrl: string): string {
  const url = URL.parse(endpoint, streamUrl);
  if (url === null || url.origin !== new URL(streamUrl).origin) {
    throw new InvalidAnswer("the server's stream names an endpoint that is not its own");
  }
  return `${url.pathname}${url.search}`;
}
