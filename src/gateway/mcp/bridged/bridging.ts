import { randomBytes } from "node:crypto";
import type { Clock } from "../../../machinery/clock.ts";
import type { HeldCall } from "../../bridge/era/held/held-call.ts";
import { HeldCalls } from "../../bridge/era/held/held-calls.ts";
import { Sessions } from "../../bridge/session/sessions.ts";
import type { DropReason } from "../../bridge/stdio/multiplexer.ts";
import { LONGEST_LINE_BYTES } from "../../bridge/stdio/server-channel.ts";
import type { Directory, EndpointKey } from "../../directory.ts";
import type { Outcome } from "../exchange.ts";
import { BridgedHandler } from "./bridged-handler.ts";
import type { BridgedUpstream } from "./bridged-upstream.ts";
import { BridgedUpstreams } from "./bridged-upstreams.ts";
import { httpServer } from "./http-server.ts";
import { BodyBudget } from "./json-body.ts";
import { stdioServer } from "./stdio-server.ts";
import { UnreadAnswers } from "./unread-answers.ts";

export interface BridgingOptions {
  readonly directory: Directory;
  /** The main thread's socket for streams; undefined: no process can be had. */
  readonly streamsSocket: string | undefined;
  readonly clock: Clock;
}

export interface BridgingStats {
  /** Sessions that the gateway keeps for clients of bridged servers now. */
  readonly sessions: number;
  /** Messages of bridged servers that went to nobody, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** What is read rather than passed on is a message of MCP, and no longer than what a server may say. */
const MAX_BODY_BYTES = LONGEST_LINE_BYTES;
/** What is read at once, what clients have not taken, and what sessions keep: well below what the data path's thread may take. */
const BODIES_BYTES = 128 * 1024 * 1024;
const UNREAD_BYTES = 192 * 1024 * 1024;
const SESSION_BYTES = 192 * 1024 * 1024;

/** The servers that the data path cannot pass requests on to, and what is kept for their clients. */
export class Bridging {
  readonly #clock: Clock;
  readonly #upstreams: BridgedUpstreams;
  readonly #sessions: Sessions;
  readonly #bodies = new BodyBudget(BODIES_BYTES);
  readonly #unread = new UnreadAnswers(UNREAD_BYTES);
  /** Tells this gateway from others in Via, so that a request that comes back is seen. */
  readonly #pseudonym = `slipway-${randomBytes(6).toString("hex")}`;
  readonly #dropped: Record<DropReason, number> = { InvalidLine: 0, LateAnswer: 0, Unattributed: 0, Unread: 0 };

  constructor({ directory, streamsSocket: socketPath, clock }: BridgingOptions) {
    this.#clock = clock;
    const onDropped = (reason: DropReason) => {
      this.#dropped[reason] += 1;
    };
    const held = new HeldCalls<HeldCall>(clock);
    const via = `1.1 ${this.#pseudonym}`;
    this.#upstreams = new BridgedUpstreams({
      directory,
      clock,
      makeServer: (endpoint, protocolVersion) =>
        endpoint.kind === "http"
          ? httpServer(endpoint, { clock, via, held, onDropped, protocolVersion })
          : stdioServer(endpoint, { socketPath, clock, held, onDropped }),
    });
    const newId = () => randomBytes(24).toString("base64url");
    this.#sessions = new Sessions({ clock, newId, limits: { totalBytes: SESSION_BYTES } });
  }

  handler(onOutcome: (outcome: Outcome | "refused") => void): BridgedHandler {
    return new BridgedHandler({
      upstreams: this.#upstreams,
      sessions: this.#sessions,
      bodies: this.#bodies,
      unread: this.#unread,
      maxBodyBytes: MAX_BODY_BYTES,
      clock: this.#clock,
      pseudonym: this.#pseudonym,
      onOutcome,
    });
  }

  get stats(): BridgingStats {
    return { sessions: this.#sessions.size, dropped: { ...this.#dropped } };
  }

  /** The instance that serves a deployment, once it was asked for. */
  at(key: EndpointKey): BridgedUpstream | undefined {
    return this.#upstreams.at(key);
  }

  /** Ends what is under way; calls stay where `spare` says so. */
  cut(reason: string, spare: "calls" | "nothing"): void {
    this.#upstreams.cut(reason, spare);
  }

  async close(reason: string): Promise<void> {
    await this.#upstreams.close(reason);
    this.#sessions.close();
  }
}
