import type { Fields } from "./message.ts";
import type { PortEvents, ServerPort } from "./server-port.ts";

/** Who asks for a port, as far as a server's bridge needs to know. */
export interface BridgedClient {
  /** Caller, deployment and instance: what one owner was handed, such as a `requestState`, is worth nothing to another. */
  readonly owner: string;
  /** The caller's Authorization header, where the endpoint forwards it. Never log it. */
  readonly authorization?: string;
  /** A probe: it asks nothing that needs a process or a session for it alone, and is to leave none behind. */
  readonly isProbe?: boolean;
}

/** One instance of a server that is not spoken to as its clients speak: over another transport, or in another era. */
export interface BridgedServer {
  /** A port for a client of a revision with sessions, by the params of its `initialize`. @throws {NoServer} */
  connect(initialize: Fields | undefined, events: PortEvents, client: BridgedClient): Promise<ServerPort>;
  /** A port for one request of a client of revision 2026-07-28. @throws {NoServer} */
  connectStateless(events: PortEvents, client: BridgedClient): Promise<ServerPort>;
  /** Of a server that listens: those of its eras need no bridge. @throws {NoServer} */
  eras?(client: Pick<BridgedClient, "authorization">): Promise<Eras>;
  /** Ends all of it; who is connected is told. Nothing starts any more. */
  close(reason: string): void;
}

/** Which eras of MCP a server that listens speaks; both are passed through then. */
export interface Eras {
  /** Revision 2026-07-28 and later. */
  readonly stateless: boolean;
  /** Revisions with a handshake. */
  readonly sessions: boolean;
}
