import type { GatewayUser } from "../access.ts";
import type { Endpoint, EndpointKey } from "../directory.ts";
import type { DataPathSettings, DataPathStats } from "../mcp/data-path.ts";
import type { UseScope } from "../mcp/use-access.ts";

/** What the thread of the data path is told. */
export type ToThread =
  /** Deployments that are there, or have changed, and those that are gone. */
  | { readonly kind: "endpoints"; readonly present: readonly Endpoint[]; readonly gone: readonly EndpointKey[] }
  | { readonly kind: "synced" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly kind: "stats"; readonly id: number }
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
