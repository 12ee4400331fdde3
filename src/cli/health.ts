import { UsageError } from "./usage-error.ts";

/** Where `controller` and `up` listen unless told otherwise. */
export const HEALTH_URL = "http://127.0.0.1:7090/healthz";
const TIMEOUT_MS = 4_000;
const MAX_ANSWER_CHARACTERS = 4_096;

/**
 * `slipway health`: whether a Slipway lives that listens at `url`, for a container's health check. Of what answers otherwise, the answer
 * goes to standard error.
 */
export async function health(url: string, stderr: NodeJS.WritableStream = process.stderr): Promise<number> {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new UsageError(`--url: ${JSON.stringify(url)} is no URL; write for example ${HEALTH_URL}`);
  }
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "error" });
    if (answer.ok) return 0;
    stderr.write(`${answer.status} ${(await answer.text()).slice(0, MAX_ANSWER_CHARACTERS)}\n`);
  } catch (error) {
    const { message, cause } = error as Error;
    stderr.write(`${url} does not answer: ${cause instanceof Error ? cause.message : message}\n`);
  }
  return 1;
}
