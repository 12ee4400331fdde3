import type { IncomingHttpHeaders } from "node:http";
import { EndpointEvent } from "./endpoint-event.ts";
import type { AnswerRewrite } from "./exchange.ts";
import { LegacyCalls } from "./legacy-calls.ts";
import { type LegacySession, type LegacySessions, serverEndpoint } from "./legacy-sessions.ts";

export interface LegacyStreamOptions extends Pick<LegacySession, "caller" | "owner"> {
  readonly sessions: LegacySessions;
  /** Where the server's stream is. */
  readonly streamUrl: string;
}

/** The stream of one client of a legacy SSE server: opens its session when the server has named its endpoint. */
export class LegacyStream implements AnswerRewrite {
  readonly calls = new LegacyCalls();
  readonly #sessions: LegacySessions;
  readonly #endpoint: EndpointEvent;
  #id: string | undefined;

  /** `endpointOf`: what the client is told, by the name of its session. */
  constructor({ sessions, streamUrl, ...owner }: LegacyStreamOptions, endpointOf: (id: string) => string) {
    this.#sessions = sessions;
    this.#endpoint = new EndpointEvent((endpoint) => {
      this.#id = sessions.open({ ...owner, path: serverEndpoint(endpoint, streamUrl), calls: this.calls });
      return endpointOf(this.#id);
    });
  }

  applies(status: number, headers: IncomingHttpHeaders): boolean {
    return this.#endpoint.applies(status, headers);
  }

  chunk(chunk: Uint8Array): Uint8Array {
    this.calls.passed(chunk);
    return this.#endpoint.chunk(chunk);
  }

  close(): void {
    if (this.#id !== undefined) this.#sessions.close(this.#id);
  }
}
