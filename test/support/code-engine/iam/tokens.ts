import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../../../../src/machinery/clock.ts";
import { secretWatch } from "../../secrets/secret-watch.ts";
import type { Identity } from "./api-keys.ts";

/** What IAM hands out as a token; all but the first are faults. */
export type TokenShape = "jwt" | "jwt-without-times" | "opaque";

interface Issued {
  readonly identity: Identity;
  readonly endsAtMs: number;
  readonly expires: number;
}

/** Unix time in seconds, of this machine. */
function unixNow(): number {
  return Math.floor(Date.now() / 1000);
}

/**
 * Tokens that are in use. `iat` and `exp` are times of this machine, because ibm-cloud-sdk-core compares them with it;
 * a token ends when either the machine's clock or the emulator's says that its time is over.
 */
export class Tokens {
  readonly #clock: Clock;
  readonly #secret = randomBytes(32);
  readonly #issued = new Map<string, Issued>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(identity: Identity, { ttlSeconds, shape }: { ttlSeconds: number; shape: TokenShape }) {
    this.#dropExpired();
    const now = unixNow();
    const expires = now + ttlSeconds;
    const times = shape === "jwt-without-times" ? {} : { iat: now, exp: expires };
    const token = shape === "opaque" ? randomBytes(40).toString("hex") : this.#jwt(identity, times);
    secretWatch.learn("a token of IAM", token);
    this.#issued.set(token, { identity, expires, endsAtMs: this.#clock.monotonicMs() + ttlSeconds * 1000 });
    return { token, expires };
  }

  /** Whose token it is, while it lasts. */
  holder(token: string): Identity | undefined {
    const issued = this.#issued.get(token);
    return issued !== undefined && this.#lasts(issued) ? issued.identity : undefined;
  }

  /** No token that was given so far is taken any more, whatever its `exp` says. */
  revokeAll(): void {
    this.#issued.clear();
  }

  #lasts({ endsAtMs, expires }: Issued): boolean {
    return this.#clock.monotonicMs() < endsAtMs && unixNow() < expires;
  }

  #dropExpired(): void {
    for (const [token, issued] of this.#issued) if (!this.#lasts(issued)) this.#issued.delete(token);
  }

  #jwt(identity: Identity, times: object): string {
    const claims = {
      iam_id: identity.id,
      id: identity.id,
      sub: identity.id,
      jti: randomBytes(8).toString("hex"),
      iss: "https://iam.cloud.ibm.com/identity",
      grant_type: "urn:ibm:params:oauth:grant-type:apikey",
      scope: "ibm openid",
      client_id: "default",
      ...times,
    };
    const unsigned = [{ alg: "HS256", typ: "JWT" }, claims].map(base64Json).join(".");
    return `${unsigned}.${createHmac("sha256", this.#secret).update(unsigned).digest("base64url")}`;
  }
}

function base64Json(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
