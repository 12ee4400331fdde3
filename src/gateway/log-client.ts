import { type GatewayQuery, requestPart } from "./gateway-client.ts";
import type { LogRequestOptions } from "./log-provider.ts";

export interface LogQuery extends GatewayQuery {
  readonly options: LogRequestOptions;
}

/** To the first byte of an answer. A log that is followed may then be silent for as long as it likes. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Asks a gateway for a log: its bytes as they come. @throws {GatewayError} when it refuses. @throws {GatewayUnreachable} */
export async function requestLog({ options, ...query }: LogQuery): Promise<AsyncIterable<Buffer>> {
  const search = {
    tail: String(options.tail ?? -1),
    follow: String(options.follow),
    timestamps: String(options.timestamps),
    // A gateway of an earlier release does not know it.
    ...(options.build && { build: "true" }),
  };
  return await requestPart(query, { subresource: "log", search, timeoutMs: ANSWER_TIMEOUT_MS });
}
