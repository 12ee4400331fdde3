import type {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LATEST_PROTOCOL_VERSION,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  SERVER_INFO_META_KEY,
  SUBSCRIPTION_ID_META_KEY,
} from "@modelcontextprotocol/client";

// The compiler holds them equal to the SDK's; the SDK itself costs a tenth of a second and 30 MB to load.

/** What a request of revision 2026-07-28 says in its `_meta`, instead of a handshake. */
export const MetaKey = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion" satisfies typeof PROTOCOL_VERSION_META_KEY,
  clientInfo: "io.modelcontextprotocol/clientInfo" satisfies typeof CLIENT_INFO_META_KEY,
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities" satisfies typeof CLIENT_CAPABILITIES_META_KEY,
  logLevel: "io.modelcontextprotocol/logLevel" satisfies typeof LOG_LEVEL_META_KEY,
  serverInfo: "io.modelcontextprotocol/serverInfo" satisfies typeof SERVER_INFO_META_KEY,
  subscriptionId: "io.modelcontextprotocol/subscriptionId" satisfies typeof SUBSCRIPTION_ID_META_KEY,
} as const;

/** The first revision without a handshake. Revisions are dates, so they compare as text. */
export const FIRST_STATELESS_VERSION = "2026-07-28";

/** The last with one. */
export const LAST_SESSION_VERSION = "2025-11-25" satisfies typeof LATEST_PROTOCOL_VERSION;

/** Those with a handshake, newest first. */
export const SESSION_VERSIONS: readonly string[] = [LAST_SESSION_VERSION, "2025-06-18", "2025-03-26", "2024-11-05"];
