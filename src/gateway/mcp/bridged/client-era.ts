import { type Fields, isFields, type Message, metaOf } from "../../bridge/message.ts";
import { FIRST_STATELESS_VERSION, MetaKey } from "../../bridge/meta-keys.ts";
import { mirrorFault } from "./mirrored-headers.ts";

/** What a request of revision 2026-07-28 says about itself beside its body. */
export interface EraHeaders {
  readonly protocolVersion: string | undefined;
  readonly method: string | undefined;
  readonly name: string | undefined;
}

/** Why a request is none of the revision that it claims. */
export interface EraFault {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

/** Header and body say different things (the revision's HEADER_MISMATCH). */
export const HEADER_MISMATCH = -32020;
const INVALID_PARAMS = -32602;

/** Whether a request without a look at its body is one of the revisions without sessions. */
export function namesStateless(protocolVersion: string | undefined): boolean {
  return protocolVersion !== undefined && isStatelessVersion(protocolVersion.trim());
}

/**
 * The era of a client, by one of its messages: the body decides, since proxies may drop headers, and headers must agree with it.
 * Only that of a single message; batches are of an earlier revision.
 */
export function eraOf(message: Message, headers: EraHeaders): "sessions" | "stateless" | EraFault {
  const claimed = metaOf(message as { params?: unknown })[MetaKey.protocolVersion];
  const isStatelessHeader = namesStateless(headers.protocolVersion);
  if (!("method" in message)) return isStatelessHeader ? NO_ANSWERS : "sessions";
  if (claimed === undefined) {
    if (!isStatelessHeader) return "sessions";
    if (message.method === "initialize") return mismatch("initialize was sent with a revision that has no handshake");
    // What is told rather than asked need not say who tells it.
    return "id" in message ? LACKS_ENVELOPE : "stateless";
  }
  if (typeof claimed !== "string") return invalidEnvelope(MetaKey.protocolVersion);
  if (!isStatelessVersion(claimed)) {
    return isStatelessHeader ? mismatch("_meta names another revision than MCP-Protocol-Version") : "sessions";
  }
  return envelopeFault(message, claimed, headers) ?? "stateless";
}

function envelopeFault(message: Message, claimed: string, headers: EraHeaders): EraFault | undefined {
  const version = headers.protocolVersion?.trim();
  if (version !== undefined && version !== claimed) {
    return mismatch("_meta names another revision than MCP-Protocol-Version");
  }
  if (!("method" in message) || !("id" in message)) return undefined;
  const meta = metaOf(message);
  if (!isFields(meta[MetaKey.clientCapabilities])) return invalidEnvelope(MetaKey.clientCapabilities);
  if (meta[MetaKey.clientInfo] !== undefined && !isFields(meta[MetaKey.clientInfo])) {
    return invalidEnvelope(MetaKey.clientInfo);
  }
  if (version === undefined) return mismatch("the header MCP-Protocol-Version is missing");
  const fault = mirrorFault(message.method, message.params as Fields | undefined, headers);
  return fault === undefined ? undefined : mismatch(fault);
}

function isStatelessVersion(version: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(version) && version >= FIRST_STATELESS_VERSION;
}

function mismatch(message: string): EraFault {
  return { code: HEADER_MISMATCH, reason: "HeaderMismatch", message };
}

function invalidEnvelope(key: string): EraFault {
  return {
    code: INVALID_PARAMS,
    reason: "InvalidParams",
    message: `params._meta["${key}"] is missing, or not what it must be`,
  };
}

const LACKS_ENVELOPE = invalidEnvelope(MetaKey.protocolVersion);
const NO_ANSWERS: EraFault = {
  code: -32600,
  reason: "InvalidRequest",
  message: "clients of this revision are asked nothing, so they have nothing to answer",
};
