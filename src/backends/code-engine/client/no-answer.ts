import type { Subject } from "./answer.ts";
import { CodeEngineError } from "./errors.ts";
import type { Redactor } from "./redactor.ts";

export interface NoAnswer {
  readonly error: CodeEngineError;
  /** It may go better at once, so this client tries again. */
  readonly retry: boolean;
  /** The request may have arrived. */
  readonly mayHaveArrived: boolean;
}

/** The connection was never made. */
const NOT_CONNECTED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;
/** Asking again at once cannot help: a name that is none, or a certificate. */
const LASTING = /^(ENOTFOUND|ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_|UNABLE_|EPROTO|ERR_INVALID|ERR_BAD_OPTION)/;

/** What it means that a call ended without an answer. IBM's library puts the cause's code into `statusText`. */
export function noAnswer(subject: Subject, thrown: unknown, redactor: Redactor): NoAnswer {
  const { statusText, message } = thrown instanceof Error ? (thrown as Error & { statusText?: unknown }) : fromNothing;
  const code = typeof statusText === "string" && statusText !== "" ? statusText : undefined;
  if (/maxContentLength size of \d+ exceeded/.test(message)) {
    const said = "its answer is larger than this client reads";
    return { error: new CodeEngineError({ ...subject, kind: "terminal", said }), retry: false, mayHaveArrived: true };
  }
  const lasting = code !== undefined && LASTING.test(code);
  const said = redactor.redact(code === undefined || message.includes(code) ? message : `${message} (${code})`);
  const arrived = code === undefined || !(NOT_CONNECTED.test(code) || lasting);
  const error = new CodeEngineError({ ...subject, kind: "transient", said: `${said}${remedyOf(code)}`, code });
  return { error, retry: !lasting, mayHaveArrived: arrived };
}

const fromNothing = { statusText: undefined, message: "it failed without a reason" };

function remedyOf(code: string | undefined): string {
  if (code === undefined) return "";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "; check the region and the DNS";
  if (LASTING.test(code)) return "; the certificate of the other side must be one that this machine trusts";
  return "";
}
