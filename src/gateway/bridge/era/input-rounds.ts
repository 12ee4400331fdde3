import { type Answer, type Fields, fieldsOf, isFields } from "../message.ts";

/** Times that a server may ask for more before it gives the result of one request. */
const MOST_ROUNDS = 8;
/** Requests of one round. */
const MOST_REQUESTS = 32;

/** What a server asks its client for, inside a result of revision 2026-07-28. */
export interface InputRequest {
  readonly key: string;
  readonly method: string;
  readonly params: Fields | undefined;
}

/** What is needed before the request can be sent again. */
export interface InputRound {
  readonly requests: readonly InputRequest[];
  /** To be sent back as it is. */
  readonly requestState: string | undefined;
}

/** Requests of earlier revisions that a server sends, and the capability of the client that each needs. */
const CAPABILITY_FOR: Readonly<Record<string, string>> = {
  "sampling/createMessage": "sampling",
  "elicitation/create": "elicitation",
  "roots/list": "roots",
};

export function needsInput(answer: Answer): boolean {
  return "result" in answer && (answer.result as Fields).resultType === "input_required";
}

/**
 * What the result asks for, or why that cannot be had. All of a round is judged before any of it is asked, so that a refusal
 * leaves nothing half done.
 */
export function inputRoundOf(
  result: Fields,
  capabilities: Fields,
  round: number,
): InputRound | { readonly failure: string } {
  const entries = Object.entries(fieldsOf(result, "inputRequests"));
  const requestState = typeof result.requestState === "string" ? result.requestState : undefined;
  if (round > MOST_ROUNDS) return { failure: `the server asked for input more than ${MOST_ROUNDS} times` };
  if (entries.length > MOST_REQUESTS)
    return { failure: `the server asked for more than ${MOST_REQUESTS} inputs at once` };
  if (entries.length === 0 && requestState === undefined)
    return { failure: "the server asked for input and named none" };
  const requests: InputRequest[] = [];
  for (const [key, entry] of entries) {
    if (!isFields(entry) || typeof entry.method !== "string")
      return { failure: "the server asked for what is no request" };
    const capability = Object.hasOwn(CAPABILITY_FOR, entry.method) ? CAPABILITY_FOR[entry.method] : undefined;
    if (capability === undefined) return { failure: "the server asked for what no client knows" };
    if (capabilities[capability] === undefined) {
      return { failure: `the server asked for ${entry.method}, which this client does not offer` };
    }
    requests.push({ key, method: entry.method, params: isFields(entry.params) ? entry.params : undefined });
  }
  return { requests, requestState };
}
