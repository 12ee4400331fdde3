import type { IncomingHttpHeaders } from "node:http";
import { InvalidAnswer } from "./answers.ts";
import type { AnswerRewrite } from "./exchange.ts";

/** What comes before a server has said where messages go. */
const HELD_CHARACTERS = 16 * 1024;
const LINE_END = /\r\n|\r|\n/;
const EVENT_END = /(?:\r\n|\n|\r(?!\n)){2}/;

/**
 * The stream of a legacy SSE server begins with an event that says where the client posts its messages (revision 2024-11-05
 * of MCP). That one event is written anew; what follows passes byte by byte.
 */
export class EndpointEvent implements AnswerRewrite {
  /** Read as bytes, one character each, so that nothing changes on its way. */
  #held = "";
  #isDone = false;
  readonly #translate: (endpoint: string) => string;

  /** `translate`: the server's endpoint into the client's. What it throws ends the stream. */
  constructor(translate: (endpoint: string) => string) {
    this.#translate = translate;
  }

  applies(status: number, headers: IncomingHttpHeaders): boolean {
    return status === 200 && (headers["content-type"] ?? "").startsWith("text/event-stream");
  }

  chunk(chunk: Uint8Array): Uint8Array {
    if (this.#isDone) return chunk;
    this.#held += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    let passed = "";
    for (let event = this.#nextEvent(); event !== undefined && !this.#isDone; event = this.#nextEvent()) {
      passed += this.#translated(event);
      this.#held = this.#held.slice(event.length);
    }
    if (this.#isDone) {
      passed += this.#held;
      this.#held = "";
    } else if (this.#held.length > HELD_CHARACTERS) {
      throw new InvalidAnswer("the server's stream does not say where messages go");
    }
    return Buffer.from(passed, "latin1");
  }

  /** The next whole event with its end; undefined where there is none yet. */
  #nextEvent(): string | undefined {
    const end = EVENT_END.exec(this.#held);
    return end === null ? undefined : this.#held.slice(0, end.index + end[0].length);
  }

  #translated(event: string): string {
    const lines = event.split(LINE_END);
    if (fieldIn(lines, "event") !== "endpoint") return event;
    const endpoint = this.#translate(fieldIn(lines, "data") ?? "");
    this.#isDone = true;
    return `event: endpoint\ndata: ${endpoint}\n\n`;
  }
}

/** The value of the last line with that field, which wins for an event's name; an endpoint is one line. */
function fieldIn(lines: readonly string[], field: string): string | undefined {
  const line = lines.findLast((each) => each.startsWith(`${field}:`));
  return line?.slice(field.length + 1).replace(/^ /, "");
}
