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

/** Whether a server may turn to a client of these capabilities at all. */
export function canBeAsked(capabilities: Fields): boolean {
  return Object.values(CAPABILITY_FOR).some((name) => capabilities[name] !== undefined);
}

/** Why the client cannot be asked for this; undefined where it can. */
export function inputRefusal(method: string, params: Fields | undefined, capabilities: Fields): string | undefined {
  const name = Object.hasOwn(CAPABILITY_FOR, method) ? CAPABILITY_FOR[method] : undefined;
  if (name === undefined) return "the server asked for what no client knows";
  const refusal = `the server asked for ${method}, which this client does not offer`;
  if (capabilities[name] === undefined) return refusal;
  const capability = fieldsOf(capabilities, name);
  if (method === "elicitation/create") {
    // Without a mode it is a form, and a client that names no mode takes forms.
    const mode = params?.mode === "url" ? "url" : "form";
    const isOffered = capability[mode] !== undefined || (mode === "form" && capability.url === undefined);
    return isOffered ? undefined : `${refusal} by ${mode}`;
  }
  if (method !== "sampling/createMessage" || params?.tools === undefined || capability.tools !== undefined)
    return undefined;
  return `${refusal} with tools`;
}

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
    const params = isFields(entry.params) ? entry.params : undefined;
    const refusal = inputRefusal(entry.method, params, capabilities);
    if (refusal !== undefined) return { failure: refusal };
    requests.push({ key, method: entry.method, params });
  }
  return { requests, requestState };
}
