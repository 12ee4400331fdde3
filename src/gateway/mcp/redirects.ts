import { InvalidAnswer } from "./answers.ts";
import type { UpstreamPool } from "./upstream-pool.ts";

/**
 * What is wrong with an answer that leads elsewhere, where others run the server: a client that followed would go past the
 * gateway, and the gateway past what it may reach. Undefined: it does not, or the server is ours.
 */
export function redirectProblem(
  { isForeign }: Pick<UpstreamPool, "isForeign">,
  status: number,
): InvalidAnswer | undefined {
  if (!isForeign || status < 300 || status >= 400 || status === 304) return undefined;
  return new InvalidAnswer("the server answers with a redirect, which is not followed; give its URL itself");
}
