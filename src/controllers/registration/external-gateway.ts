import type { McpGateway } from "../../api/v1alpha1/index.ts";
import type { Fence } from "../../machinery/fence.ts";

/** What an external gateway is told of one server. */
export interface Announcement {
  readonly name: string;
  readonly description: string;
  readonly url: string;
  readonly transport: "streamable-http" | "sse";
  readonly tags: readonly string[];
  readonly visibility: "public" | "team" | "private";
  readonly teamId: string | undefined;
  readonly refreshIntervalSeconds: number | undefined;
  /** With what the gateway calls the server. A secret. */
  readonly token: string | undefined;
}

/** What an external gateway has of one server. Texts are of strangers, cut and in one line. */
export interface Entry {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly transport: "streamable-http" | "sse" | "other";
  readonly tags: readonly string[];
  readonly visibility: string | undefined;
  readonly teamId: string | undefined;
  /** Whether it is switched on. */
  readonly enabled: boolean;
  /** Whether the gateway reached the server when it last tried. */
  readonly reachable: boolean;
  readonly state: "active" | "pending" | "deleting";
  readonly lastError: string | undefined;
  readonly tools: number | undefined;
}

/** An entry after a write; one that is pending or deleting is to be looked at again. */
export interface Written {
  readonly entry: Entry;
  readonly againInMs: number | undefined;
}

/**
 * An external gateway. Calls end with their signal, or by timeouts of their own.
 * @throws {TerminalError} `RegistrationConflict`, `RegistrationRefused`, `GatewayUnauthorized`: only somebody's doing helps.
 * @throws {TransientError} `GatewayUnavailable`, `ServerUnreachable`. A write may have happened all the same.
 */
export interface ExternalGateway {
  /** Asks for as little as shows that it lets us in. Answers its version, where it tells one. */
  check(signal: AbortSignal): Promise<string | undefined>;
  /** All entries that the token may see, those that are switched off included. */
  list(signal: AbortSignal): Promise<readonly Entry[]>;
  /** Undefined: there is none of that ID. */
  get(id: string, signal: AbortSignal): Promise<Entry | undefined>;
  create(announcement: Announcement, signal: AbortSignal): Promise<Written>;
  update(id: string, announcement: Announcement, signal: AbortSignal): Promise<Written>;
  setEnabled(id: string, enabled: boolean, signal: AbortSignal): Promise<void>;
  /** Answers whether it is gone already, rather than about to go. Fine where there is none. */
  remove(id: string, signal: AbortSignal): Promise<boolean>;
  /** Whether two URLs are the same to it. */
  isSameUrl(a: string, b: string): boolean;
  /** Whether two names are the same to it. */
  isSameName(a: string, b: string): boolean;
  close(): Promise<void>;
}

/** What a client of an external gateway is made from. */
export interface ExternalGatewaySettings {
  readonly url: string;
  readonly token: string;
  /** PEM; undefined: the usual authorities. */
  readonly ca: string | undefined;
  /** Asked before anything is sent. */
  readonly fence?: Fence | undefined;
}

export type ExternalGatewayFactory = (
  type: McpGateway["spec"]["type"],
  settings: ExternalGatewaySettings,
) => ExternalGateway;
