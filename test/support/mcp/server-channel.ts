import type { Message, Request } from "../../../src/gateway/bridge/message.ts";
import type { PortEvents, ServerPort } from "../../../src/gateway/bridge/server-port.ts";
import type { ChannelEvents, OpenChannel } from "../../../src/gateway/bridge/stdio/server-channel.ts";

/** The streams of a process that does nothing by itself: what it was sent is kept, and the test says what comes of it. */
export class ScriptedChannel {
  readonly sent: Message[] = [];
  /** Called with each request; what it returns is the result. */
  answer: (request: Request) => Record<string, unknown> | undefined = () => undefined;
  backlogBytes = 0;
  isClosed = false;
  #events: ChannelEvents | undefined;

  readonly open: OpenChannel = (events) => {
    this.#events = events;
    const channel = this;
    return {
      get backlogBytes() {
        return channel.backlogBytes;
      },
      send: (message) => {
        this.sent.push(message);
        if (!("method" in message) || !("id" in message)) return;
        const result = this.answer(message);
        if (result) queueMicrotask(() => this.says({ jsonrpc: "2.0", id: message.id, result }));
      },
      close: () => {
        this.isClosed = true;
      },
    };
  };

  says(message: Message): void {
    this.#events?.onMessage(message, JSON.stringify(message).length);
  }

  dies(reason = "the process is gone"): void {
    this.#events?.onClose(reason);
  }

  /** What it was sent of one method, since `from`. */
  sentOf(method: string): (Message & { params?: Record<string, unknown>; id?: number })[] {
    return this.sent.filter((message) => "method" in message && message.method === method) as never;
  }
}

/** One who is connected: what came is kept. */
export class ScriptedClient implements PortEvents {
  readonly received: Message[] = [];
  closedFor: string | undefined;

  onMessage(message: Message): void {
    this.received.push(message);
  }

  onClose(reason: string): void {
    this.closedFor = reason;
  }

  answerTo(id: number | string): Message | undefined {
    return this.received.find((message) => !("method" in message) && message.id === id);
  }
}

export function request(id: number | string, method: string, params: Record<string, unknown> = {}): Message {
  return { jsonrpc: "2.0", id, method, params };
}

export function notification(method: string, params: Record<string, unknown> = {}): Message {
  return { jsonrpc: "2.0", method, params };
}

/** Both SDKs have transports of this shape; their types differ under exactOptionalPropertyTypes. */
export interface PortTransport {
  onmessage?: (message: Message) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  start(): Promise<void>;
  send(message: Message): Promise<void>;
  close(): Promise<void>;
}

/** A port as a client of the SDKs has it. */
export function portTransport(connect: (events: PortEvents) => ServerPort | undefined): PortTransport {
  let port: ServerPort | undefined;
  const transport: PortTransport = {
    async start() {
      port = connect({
        // As from a socket, each in a turn of its own: SDK clients lose progress that comes in one turn with its answer.
        onMessage: (message) => setImmediate(() => transport.onmessage?.(message)),
        onClose: () => setImmediate(() => transport.onclose?.()),
      });
      if (port === undefined) throw new Error("no port to be had");
    },
    async send(message) {
      port?.send(message);
    },
    async close() {
      port?.close();
      transport.onclose?.();
    },
  };
  return transport;
}
