import { Reason } from "../../api/v1alpha1/conditions.ts";
import { CONNECTION_TROUBLES, isCertificateTrouble, isTimeout } from "../../machinery/connection-trouble.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";

/** An answer that is none of the wanted ones. */
export interface Refusal {
  readonly status: number;
  /** What it says, without secrets; undefined where it says nothing that can be read. */
  readonly problem: string | undefined;
  readonly retryAfterMs: number | undefined;
}

/** Pure. What an answer means, and what helps. */
export function failureOf({ status, problem, retryAfterMs }: Refusal): TerminalError | TransientError {
  const said = `the gateway answered ${status}${problem === undefined ? "" : ` (${problem})`}`;
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  switch (status) {
    case 401:
    case 403:
      return new TerminalError(
        Reason.GatewayUnauthorized,
        `${said}: the token of tokenSecretRef is not valid, or lacks one of gateways.create, read, update, delete in that scope`,
      );
    case 404:
      return new TransientError(
        Reason.GatewayUnavailable,
        `${said}: neither /v1/gateways nor /gateways is below the URL of the McpGateway`,
      );
    case 409:
      return new TerminalError(
        Reason.RegistrationConflict,
        `${said}: an entry that is not Slipway's has that name, or that URL with those credentials; remove or rename it there`,
      );
    case 400:
    case 422:
      return new TerminalError(
        Reason.RegistrationRefused,
        `${said}: it does not take the server as it is; its rules for URLs (SSRF_ALLOW_LOCALHOST, SSRF_ALLOW_PRIVATE_NETWORKS) are the usual cause`,
      );
    case 502:
      return new TransientError(
        Reason.ServerUnreachable,
        `${said}: it cannot connect to the server at the URL that it was given; see serverBaseUrl and serverTokenSecretRef of the McpGateway`,
        wait,
      );
    default:
      if (status >= 300 && status < 400) {
        return new TransientError(Reason.GatewayUnavailable, `${said}: redirects are not followed; name its final URL`);
      }
      return new TransientError(Reason.GatewayUnavailable, said, wait);
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ...CONNECTION_TROUBLES,
  UND_ERR_RES_EXCEEDED_MAX_SIZE: "its answer is too large",
};

/** Pure. Why there was no answer at all. A write may have happened all the same. */
export function noAnswer(error: unknown): TransientError {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  const known = [code, (cause as { code?: unknown } | undefined)?.code].find((each) => typeof each === "string");
  const timedOut = isTimeout(error) ? "it did not answer in time" : undefined;
  const why = WORDS[String(known)] ?? timedOut ?? tlsTrouble(String(known)) ?? "the connection failed";
  return new TransientError(Reason.GatewayUnavailable, `the gateway cannot be asked: ${why}`);
}

/** An answer that is not what the API has. */
export function unreadable(what: string): TransientError {
  return new TransientError(
    Reason.GatewayUnavailable,
    `what answers at the URL of the McpGateway is not ContextForge's API: ${what}`,
  );
}

function tlsTrouble(code: string): string | undefined {
  return isCertificateTrouble(code) ? `its certificate is not trusted (${code}); see caSecretRef` : undefined;
}
