import type { Clock } from "../../../machinery/clock.ts";
import type { Answer, Fields } from "../message.ts";
import { FIRST_STATELESS_VERSION, LAST_SESSION_VERSION, MetaKey } from "../meta-keys.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import { LegacyManners } from "./legacy-manners.ts";
import { ModernManners, withoutLogging } from "./modern-manners.ts";
import { DEFAULT_LIMITS, type DropReason, Multiplexer, type MultiplexerLimits } from "./multiplexer.ts";
import { reacquaint } from "./reacquaint.ts";
import type { OpenChannel } from "./server-channel.ts";

/** What a server says of itself: the result of `server/discover` or of `initialize`. */
export type Greeting =
  | { readonly era: "stateless"; readonly discover: Fields }
  | { readonly era: "sessions"; readonly initialize: Fields };

export interface SharedServerOptions {
  readonly clock: Clock;
  /** What the server is told of who connects. */
  readonly clientInfo: { readonly name: string; readonly version: string };
  readonly limits?: Partial<MultiplexerLimits>;
  /** How long the server may take to greet. `npx` may still be unpacking it. */
  readonly greetingTimeoutMs?: number;
  /** How long to wait for `server/discover`, which earlier servers may leave unanswered. */
  readonly discoverTimeoutMs?: number;
  /** What the server is known to speak: then it is asked in no other way. */
  readonly era?: Greeting["era"];
  /** It may have been attached to before, and have had its handshake then. */
  readonly mayBeKnown?: boolean;
  readonly onDropped?: (reason: DropReason) => void;
  readonly onClose?: (reason: string) => void;
}

/** A process that many clients share, and that has been greeted once for all of them. */
export interface SharedServer {
  readonly greeting: Greeting;
  readonly isClosed: boolean;
  readonly callsUnderWay: number;
  /** @returns undefined where there are as many clients as may be, or the process is gone. */
  connect(events: PortEvents): ServerPort | undefined;
  /** Ends the process's input; what is under way is answered with an error. */
  close(reason: string): void;
}

/** @throws {GreetingError} when the process goes, or does not greet in time; its streams are closed then. */
export async function startSharedServer(open: OpenChannel, options: SharedServerOptions): Promise<SharedServer> {
  const server = new Multiplexer({
    open,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    onDropped: options.onDropped ?? (() => undefined),
    onClose: options.onClose ?? (() => undefined),
  });
  try {
    const greeting = await greet(server, options);
    server.behave(
      greeting.era === "stateless" ? new ModernManners(server) : new LegacyManners(server, greeting.initialize),
    );
    return {
      greeting,
      get isClosed() {
        return server.closedFor !== undefined;
      },
      get callsUnderWay() {
        return server.callsUnderWay;
      },
      connect: (events) => server.connect(events),
      close: (reason) => server.close(reason),
    };
  } catch (error) {
    server.close("the server did not greet");
    throw error;
  }
}

/** The process runs, and is no MCP server as far as can be seen. */
export class GreetingError extends Error {
  override readonly name = "GreetingError";
}

/** First as of 2026-07-28, then with the earlier handshake: the order that the revision prescribes for stdio. */
async function greet(server: Multiplexer, options: SharedServerOptions): Promise<Greeting> {
  const { clientInfo, discoverTimeoutMs = 5_000, greetingTimeoutMs = 60_000, era } = options;
  const _meta = {
    [MetaKey.protocolVersion]: FIRST_STATELESS_VERSION,
    [MetaKey.clientInfo]: clientInfo,
    [MetaKey.clientCapabilities]: {},
  };
  const question = { method: "server/discover", params: { _meta }, ms: discoverTimeoutMs };
  const discovered = era === "sessions" ? undefined : await ask(server, options.clock, question);
  if (discovered && "result" in discovered && speaksStateless(discovered.result)) {
    return { era: "stateless", discover: withoutLogging(discovered.result) };
  }
  const initialized = await ask(server, options.clock, {
    method: "initialize",
    params: { protocolVersion: LAST_SESSION_VERSION, capabilities: {}, clientInfo },
    ms: greetingTimeoutMs,
  });
  if (server.closedFor !== undefined)
    throw new GreetingError(`the server ended before it had greeted: ${server.closedFor}`);
  if (initialized === undefined || "error" in initialized) {
    const isKnown = options.mayBeKnown && server.closedFor === undefined;
    const list = (method: string) => ask(server, options.clock, { method, params: {}, ms: discoverTimeoutMs });
    const known = isKnown ? await reacquaint(list) : undefined;
    if (known) return { era: "sessions", initialize: known };
    throw new GreetingError(
      initialized === undefined
        ? `the server did not answer initialize in ${greetingTimeoutMs} ms`
        : `the server refused initialize with the JSON-RPC error ${initialized.error.code}`,
    );
  }
  if (typeof initialized.result.protocolVersion !== "string") {
    throw new GreetingError("the server's answer to initialize names no revision");
  }
  server.notify("notifications/initialized");
  return { era: "sessions", initialize: initialized.result };
}

function speaksStateless(result: Fields): boolean {
  const { supportedVersions } = result;
  return Array.isArray(supportedVersions) && supportedVersions.includes(FIRST_STATELESS_VERSION);
}

interface Question {
  readonly method: string;
  readonly params: Fields;
  readonly ms: number;
}

/** @returns undefined when there is no answer in time. */
function ask(server: Multiplexer, clock: Clock, { method, params, ms }: Question): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    let cancelQuestion: () => void = () => undefined;
    const cancelTimer = clock.schedule(ms, () => {
      cancelQuestion();
      resolve(undefined);
    });
    cancelQuestion = server.ask(method, params, (answer) => {
      cancelTimer();
      resolve(answer);
    });
  });
}
