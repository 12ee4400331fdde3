import type { Message } from "./message.ts";

/** A server as one client has it: messages in, messages out, in order. */
export interface ServerPort {
  /** The server's own revision, as it says, where that is none that the client could speak. */
  readonly protocolVersion?: string | undefined;
  /** Never throws and never waits: what cannot be sent is answered with an error. */
  send(message: Message): void;
  /** The client is gone: what it asked for is cancelled, and nothing more comes. Idempotent. */
  close(): void;
}

/** What comes the other way. */
export interface PortEvents {
  /** `bytes`: about what the message takes, for bounds on what waits for a slow client. */
  onMessage(message: Message, bytes: number): void;
  /** Called once, when the server is gone; requests under way have been answered with errors. Not after `close`. */
  onClose(reason: string): void;
}
