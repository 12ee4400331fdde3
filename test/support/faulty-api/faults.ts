/** What goes wrong between a client and the API server behind a `FaultyApi`. Set at any time, and at once in force. */
export interface Faults {
  /** All requests are answered by this code without being looked at; `retryAfterSeconds` goes along where it is set. */
  refuse: { code: 429 | 500 | 503; retryAfterSeconds?: number | undefined } | undefined;
  /** So many watches that begin at a version are told that it is too old. */
  goneWatches: number;
  /** Before each list is passed on, in milliseconds. */
  listDelayMs: number;
  /** Each n-th write conflicts with one that nobody made, without being looked at. 0: none. */
  conflictEvery: number;
  /** Each n-th write is carried out, and its connection breaks before the answer. 0: none. */
  loseAnswerEvery: number;
}

export const NO_FAULTS: Readonly<Faults> = {
  refuse: undefined,
  goneWatches: 0,
  listDelayMs: 0,
  conflictEvery: 0,
  loseAnswerEvery: 0,
};

/** A refusal as a kube-apiserver words it. */
export function failureStatus(code: number, reason: string, message: string): string {
  return JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code });
}

export const REFUSALS: Readonly<Record<429 | 500 | 503, { readonly reason: string; readonly message: string }>> = {
  429: { reason: "TooManyRequests", message: "too many requests, please try again later" },
  500: { reason: "InternalError", message: "an error on the server" },
  503: { reason: "ServiceUnavailable", message: "the server is currently unable to handle the request" },
};
