import { createHash } from "node:crypto";
import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { GatewayUser } from "../access.ts";
import { type Failure, invalid, unavailable } from "./answers.ts";
import { RememberedAnswers } from "./remembered-answers.ts";
import type { UseAccess, UseScope } from "./use-access.ts";

/** Who asks: a user of the API server, or anybody where access is not asked for. */
export interface Caller {
  /** What is counted by. */
  readonly id: string;
  readonly user: GatewayUser | undefined;
}

export const ANYBODY: Caller = { id: "anybody", user: undefined };

/** A revoked right ends within the first; a granted one counts within the second. */
const YES_MS = 10_000;
const NO_MS = 2_000;
/** While the API server cannot be asked, servers go on for those who could use them: a restart of it is no outage of theirs. */
const STALE_MS = 60_000;
const USERS = 4_096;
const GRANTS = 16_384;
const TIMEOUT_MS = 5_000;
/** Questions at once about tokens that were nobody's so far: a flood of false ones must not become one of reviews. */
const STRANGERS = 64;

/** Bearer tokens are ASCII (RFC 6750) and fit into a header of Node's limit. */
const BEARER = /^Bearer +([\x21-\x7e]{1,8192})$/i;

const NEEDS_TOKEN = invalid(
  401,
  "Unauthorized",
  "a bearer token is needed; that of a kubeconfig, or of a ServiceAccount",
  {
    "www-authenticate": 'Bearer realm="slipway"',
  },
);
const UNKNOWN_TOKEN = invalid(
  401,
  "Unauthorized",
  "the bearer token is not known to the API server; it may have been revoked or have expired",
  { "www-authenticate": 'Bearer realm="slipway", error="invalid_token"' },
);
const CANNOT_ASK = unavailable(
  503,
  "AccessUnknown",
  "the API server could not be asked who may use this; try again",
  2,
);
const TOO_MANY = unavailable(429, "TooManyRequests", "too many tokens are being looked at; try again", 1);

/** Lets in who may use a server. Answers are remembered for a short time; tokens are not kept, not even here. */
export class Gate {
  readonly #access: UseAccess;
  readonly #logger: Logger;
  readonly #users: RememberedAnswers<Caller | "nobody">;
  readonly #grants: RememberedAnswers<boolean>;
  #strangers = 0;

  constructor(access: UseAccess, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#access = access;
    this.#logger = logger;
    const times = { yesMs: YES_MS, noMs: NO_MS, staleMs: STALE_MS, timeoutMs: TIMEOUT_MS };
    this.#users = new RememberedAnswers({ ...times, size: USERS, isYes: (caller) => caller !== "nobody" }, clock);
    this.#grants = new RememberedAnswers({ ...times, size: GRANTS, isYes: (yes) => yes }, clock);
  }

  /** Who asks, or why they are not let in. No promise where it is known. */
  whoIs(authorization: string | undefined): Caller | Failure | Promise<Caller | Failure> {
    const [, token] = BEARER.exec(authorization ?? "") ?? [];
    if (token === undefined) return NEEDS_TOKEN;
    const key = digest(token);
    const known = this.#users.known(key);
    if (known !== undefined) return known === "nobody" ? UNKNOWN_TOKEN : known;
    if (this.#users.isFamiliar(key)) return this.#review(key, token);
    if (this.#strangers >= STRANGERS) return TOO_MANY;
    this.#strangers += 1;
    return this.#review(key, token).finally(() => {
      this.#strangers -= 1;
    });
  }

  /** No promise where it is known. */
  mayUse({ user }: Caller, scope: UseScope): boolean | Failure | Promise<boolean | Failure> {
    if (user === undefined) return true;
    const key = JSON.stringify([user.username, user.uid, user.groups, user.extra, scope.namespace, scope.name]);
    return (
      this.#grants.known(key) ??
      this.#grants.ask(key, (signal) => this.#access.mayUse(user, scope, signal)).catch((error) => this.#unknown(error))
    );
  }

  async #review(key: string, token: string): Promise<Caller | Failure> {
    try {
      const caller = await this.#users.ask(key, async (signal) => {
        const user = await this.#access.authenticate(token, signal);
        return user === undefined ? "nobody" : { id: user.username, user };
      });
      return caller === "nobody" ? UNKNOWN_TOKEN : caller;
    } catch (error) {
      return this.#unknown(error);
    }
  }

  #unknown(error: unknown): Failure {
    const message = error instanceof Error ? error.message : String(error);
    this.#logger.warn("the gateway could not ask who may use what", { error: message });
    return CANNOT_ASK;
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
