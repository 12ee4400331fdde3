import type { IncomingHttpHeaders } from "node:http";
import { EndpointEvent } from "./endpoint-event.ts";
import type { AnswerRewrite } from "./exchange.ts";
import type { RequestId } from "./json-rpc.ts";
import { LegacyCalls, sentComment } from "./legacy-calls.ts";
import { type LegacySession, type LegacySessions, serverEndpoint } from "./legacy-sessions.ts";

export interface LegacyStreamOptions extends Pick<LegacySession, "caller" | "owner"> {
  readonly sessions: LegacySessions;
  /** Where the server's stream is. */
  readonly streamUrl: string;
  /**
   * Writes to the stream, for another replica that has the client; answers whether it did: not for one that does not read. Absent:
   * the client's own connection ends here.
   */
  readonly tell?: ((text: string) => boolean) | undefined;
}

const LINE_FEED = 0x0a;
/** Of more that are sent within one line of the server's the oldest are not told. */
const UNTOLD = 256;

/** The stream of one client of a legacy SSE server: opens its session when the server has named its endpoint. */
export class LegacyStream implements AnswerRewrite {
  readonly calls = new LegacyCalls();
  readonly #sessions: LegacySessions;
  readonly #endpoint: EndpointEvent;
  readonly #tell: LegacyStreamOptions["tell"];
  #id: string | undefined;
  /** Calls that the other replica has not heard of. */
  #untold: readonly RequestId[] = [];
  /** Whether a line of our own may come next. */
  #isAtLineEnd = false;

  /** `endpointOf`: what the client is told, by the name of its session. */
  constructor({ sessions, streamUrl, tell, ...owner }: LegacyStreamOptions, endpointOf: (id: string) => string) {
    this.#sessions = sessions;
    this.#tell = tell;
    this.#endpoint = new EndpointEvent((endpoint) => {
      this.#id = sessions.open({ ...owner, path: serverEndpoint(endpoint, streamUrl), sent: (ids) => this.#sent(ids) });
      return endpointOf(this.#id);
    });
  }

  applies(status: number, headers: IncomingHttpHeaders): boolean {
    return this.#endpoint.applies(status, headers);
  }

  chunk(chunk: Uint8Array): Uint8Array {
    this.calls.passed(chunk);
    const passed = this.#endpoint.chunk(chunk);
    if (passed.byteLength > 0) this.#isAtLineEnd = passed.at(-1) === LINE_FEED;
    const comment = this.#untoldComment();
    if (comment === undefined) return passed;
    this.#untold = [];
    return Buffer.concat([passed, Buffer.from(comment)]);
  }

  /** The other replica hears of it before the server does, and so before there is an answer. */
  #sent(ids: readonly RequestId[]): void {
    this.calls.sent(ids);
    if (this.#tell === undefined) return;
    this.#untold = [...this.#untold, ...ids].slice(-UNTOLD);
    const comment = this.#untoldComment();
    if (comment !== undefined && this.#tell(comment)) this.#untold = [];
  }

  /** Undefined where there is nothing to tell, or a line of the server's is not at its end: then it comes after that. */
  #untoldComment(): string | undefined {
    if (this.#untold.length === 0 || !this.#isAtLineEnd) return undefined;
    const open = new Set(this.calls.unanswered());
    this.#untold = this.#untold.filter((id) => open.has(id));
    return this.#untold.length === 0 ? undefined : sentComment(this.#untold);
  }

  close(): void {
    if (this.#id !== undefined) this.#sessions.close(this.#id);
  }
}
