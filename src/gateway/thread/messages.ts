import type { GatewayUser } from "../access.ts";
import type { Endpoint, EndpointKey } from "../directory.ts";
import type { DataPathSettings, DataPathStats } from "../mcp/data-path.ts";
import type { UseScope } from "../mcp/use-access.ts";
import type { Leader } from "../replicas/leader.ts";

/** What the thread of the data path is told. */
export type ToThread =
  /** Deployments that are there, or have changed, and those that are gone. */
  | { readonly kind: "endpoints"; readonly present: readonly Endpoint[]; readonly gone: readonly EndpointKey[] }
  | { readonly kind: "synced" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly kind: "stats"; readonly id: number }
  /** No new request to this deployment's server; `isReplaced`: another one comes. */
  | { readonly kind: "drain"; readonly id: number; readonly key: EndpointKey; readonly isReplaced: boolean }
  /** It goes on. */
  | { readonly kind: "resume"; readonly key: EndpointKey }
  /** Who leads, where there are replicas. */
  | { readonly kind: "leader"; readonly leader: Leader }
  | { readonly kind: "close" };

/** What it tells. */
export type FromThread =
  | { readonly kind: "listening"; readonly url: string }
  | { readonly kind: "failed"; readonly message: string; readonly code: string | undefined }
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Record<string, unknown>;
    }
  | { readonly kind: "stats"; readonly id: number; readonly stats: DataPathStats }
  /** So many calls are under way at what drains. */
  | { readonly kind: "draining"; readonly id: number; readonly calls: number }
  /** They have ended, or had their time. */
  | { readonly kind: "drained"; readonly id: number }
  | { readonly kind: "closed" };

export type LogLevel = "debug" | "info" | "warn" | "error";

/** About access. Tokens stay within the process. */
export type Question =
  | { readonly about: "token"; readonly token: string }
  | { readonly about: "use"; readonly user: GatewayUser; readonly scope: UseScope };

export type Answer =
  | { readonly user: GatewayUser | undefined }
  | { readonly allowed: boolean }
  | { readonly error: string };

export type ThreadData = DataPathSettings;
