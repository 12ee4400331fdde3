import { createHash } from "node:crypto";
import { GROUP, VERSION } from "../api/v1alpha1/index.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import type { GatewayAccess, GatewayUser, Wanted } from "./access.ts";

/** How long a yes stands. A revoked right ends within it; a no is asked anew each time, so that a granted one counts at once. */
const REMEMBERED_MS = 10_000;
/** Answers kept of either kind. */
const REMEMBERED = 1_000;

interface TokenReview {
  status?: { authenticated?: boolean; user?: GatewayUser };
}

interface SubjectAccessReview {
  status?: { allowed?: boolean };
}

/** Asks the API server: TokenReview for who it is, SubjectAccessReview for what they may. */
export function createKubeAccess(client: Pick<KubeClient, "request">, clock: Clock): GatewayAccess {
  const users = new ShortMemory<GatewayUser>(clock);
  const grants = new ShortMemory<true>(clock);
  return {
    async authenticate(token, signal) {
      // Tokens are not kept, not even here.
      const key = digest(token);
      const known = users.get(key);
      if (known) return known;
      const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
      const path = "/apis/authentication.k8s.io/v1/tokenreviews";
      const { status } = await client.request<TokenReview>("POST", path, review, signal);
      if (status?.authenticated !== true || !status.user?.username) return undefined;
      users.set(key, status.user);
      return status.user;
    },
    async authorize(user, wanted, signal) {
      const key = digest(JSON.stringify([user, wanted]));
      if (grants.get(key)) return true;
      const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
      const { status } = await client.request<SubjectAccessReview>("POST", path, accessReview(user, wanted), signal);
      if (status?.allowed !== true) return false;
      grants.set(key, true);
      return true;
    },
  };
}

function accessReview({ username, uid, groups, extra }: GatewayUser, { namespace, name, subresource }: Wanted): object {
  const resource = { group: GROUP, version: VERSION, resource: "runtimedeployments" };
  return {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: username,
      ...(uid === undefined ? {} : { uid }),
      ...(groups === undefined ? {} : { groups }),
      ...(extra === undefined ? {} : { extra }),
      resourceAttributes: { verb: "get", ...resource, subresource, namespace, name },
    },
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
