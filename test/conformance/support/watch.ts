import { type Dispatcher, request } from "undici";
import type { Body } from "./body.ts";
import type { Connection } from "./client.ts";

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: Body;
}

const EVENT_TIMEOUT_MS = 30_000;

/** An open watch, whose events are kept as they arrive and handed out in order. */
export class Watch implements AsyncDisposable {
  readonly #events: WatchEvent[] = [];
  readonly #abort: AbortController;
  #ended = false;
  #failure: unknown;
  #wake: () => void = () => undefined;

  private constructor(body: Dispatcher.ResponseData["body"], abort: AbortController) {
    this.#abort = abort;
    void this.#read(body);
  }

  /** @throws {Error} with the answer's text when the server refuses. */
  static async open({ url, dispatcher, headers }: Connection, path: string): Promise<Watch> {
    const abort = new AbortController();
    const { statusCode, body } = await request(url + path, { dispatcher, headers, signal: abort.signal });
    if (statusCode !== 200) throw new Error(`watch ${path}: ${statusCode} ${await body.text()}`);
    return new Watch(body, abort);
  }

  /** The next event. @throws {Error} when the watch ends, or nothing comes for long. */
  async next(timeoutMs = EVENT_TIMEOUT_MS): Promise<WatchEvent> {
    const event = await this.nextOrEnd(timeoutMs);
    if (event === undefined) throw new Error("the watch ended before another event", { cause: this.#failure });
    return event;
  }

  /** The next `count` events that are no bookmarks. */
  async take(count: number): Promise<WatchEvent[]> {
    const events: WatchEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event.type !== "BOOKMARK") events.push(event);
    }
    return events;
  }

  /** All events, the one that `isLast` accepts included. */
  async until(isLast: (event: WatchEvent) => boolean): Promise<WatchEvent[]> {
    const events: WatchEvent[] = [];
    for (;;) {
      const event = await this.next();
      events.push(event);
      if (isLast(event)) return events;
    }
  }

  /** What comes until the server ends the watch. */
  async rest(timeoutMs = EVENT_TIMEOUT_MS): Promise<WatchEvent[]> {
    const events: WatchEvent[] = [];
    for (;;) {
      const event = await this.nextOrEnd(timeoutMs);
      if (event === undefined) return events;
      events.push(event);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    while (!this.#ended) await this.#change(EVENT_TIMEOUT_MS);
  }

  /** The next event; undefined when the watch has ended. @throws {Error} when nothing comes for long. */
  async nextOrEnd(timeoutMs = EVENT_TIMEOUT_MS): Promise<WatchEvent | undefined> {
    const deadline = performance.now() + timeoutMs;
    while (this.#events.length === 0 && !this.#ended) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no event within ${timeoutMs} ms`);
      await this.#change(left);
    }
    return this.#events.shift();
  }

  async #change(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
  }

  async #read(body: AsyncIterable<Buffer>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of body) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") this.#events.push(JSON.parse(line) as WatchEvent);
        this.#wake();
      }
    } catch (error) {
      // A watch that breaks off has ended; whoever still waits for an event is told why.
      this.#failure = error;
    }
    this.#ended = true;
    this.#wake();
  }
}

/** `TYPE name`, for comparing a whole sequence at once. */
export const told = ({ type, object }: WatchEvent): string => `${type} ${object.metadata.name}`;
