import { createHash } from "node:crypto";
import type { Clock } from "../machinery/clock.ts";
import type { GatewayAccess, GatewayUser } from "./access.ts";
import { type ReviewClient, reviewAccess, reviewToken } from "./kube-reviews.ts";
import type { UseAccess } from "./mcp/use-access.ts";

/** How long a yes stands. A revoked right ends within it; a no is asked anew each time, so that a granted one counts at once. */
const REMEMBERED_MS = 10_000;
/** Answers kept of either kind. */
const REMEMBERED = 1_000;

/** Asks the API server: TokenReview for who it is, SubjectAccessReview for what they may. */
export function createKubeAccess(client: ReviewClient, clock: Clock): GatewayAccess {
  const users = new ShortMemory<GatewayUser>(clock);
  const grants = new ShortMemory<true>(clock);
  return {
    async authenticate(token, signal) {
      // Tokens are not kept, not even here.
      const key = digest(token);
      const known = users.get(key);
      if (known) return known;
      const user = await reviewToken(client, token, signal);
      if (user === undefined) return undefined;
      users.set(key, user);
      return user;
    },
    async authorize(user, wanted, signal) {
      const key = digest(JSON.stringify([user, wanted]));
      if (grants.get(key)) return true;
      if (!(await reviewAccess(client, user, { verb: "get", ...wanted }, signal))) return false;
      grants.set(key, true);
      return true;
    },
  };
}

/** The same for MCP servers. Remembers nothing: the data path does, in its own thread. */
export function createKubeUseAccess(client: ReviewClient): UseAccess {
  return {
    authenticate: (token, signal) => reviewToken(client, token, signal),
    mayUse: (user, scope, signal) => reviewAccess(client, user, { verb: "use", ...scope }, signal),
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

/** Remembers the last answers for a short time. */
class ShortMemory<T> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly value: T; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.untilMs > this.#clock.monotonicMs()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#clock.monotonicMs() + REMEMBERED_MS });
    if (this.#entries.size <= REMEMBERED) return;
    // A Map iterates in order of insertion: the first was asked longest ago.
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
