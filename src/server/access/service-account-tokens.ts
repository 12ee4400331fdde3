import { createHash, randomUUID } from "node:crypto";
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import type { KubeObject } from "../../api/meta.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { GroupResource, ObjectReader } from "../object-reader.ts";
import type { UserInfo } from "./access.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { serviceAccountGroups, serviceAccountUsername } from "./service-account-name.ts";
import type { SigningKey } from "./signing-key.ts";

/** Issuer of the tokens, and the audience that stands for this API server: what in-cluster clients expect. */
export const apiAudience = "https://kubernetes.default.svc.cluster.local";

export const serviceAccounts: GroupResource = { group: "", plural: "serviceaccounts" };
const secrets: GroupResource = { group: "", plural: "secrets" };

/** Verified signatures that are remembered: checking one takes 0.2 ms, knowing it 3 µs. */
const rememberedTokens = 4_096;
/** Longest token that is looked at, in characters. Ours are below 2,000. */
const longestToken = 16 * 1024;
const algorithm = "ES256";

export interface TokenGrant {
  readonly namespace: string;
  readonly name: string;
  /** The ServiceAccount's; a later one of the same name does not inherit its tokens. */
  readonly uid: string;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** The token ends with this Secret. */
  readonly secret?: { readonly name: string; readonly uid: string };
}

export interface VerifiedToken {
  /** Without `system:authenticated`. */
  readonly user: UserInfo;
  readonly audiences: readonly string[];
}

/** Issues and recognizes the tokens of ServiceAccounts: JWTs with the claims that kube-apiserver gives them. */
export class ServiceAccountTokens {
  readonly #key: SigningKey;
  readonly #reader: ObjectReader;
  readonly #clock: Pick<Clock, "now">;
  /** By the SHA-256 of the token, so that no token is kept. */
  readonly #verified = new BoundedCache<string, Claims>(rememberedTokens);

  constructor({ key, reader, clock }: { key: SigningKey; reader: ObjectReader; clock: Pick<Clock, "now"> }) {
    this.#key = key;
    this.#reader = reader;
    this.#clock = clock;
  }

  /** Checks nothing of what it is asked to put into the token. */
  async issue(grant: TokenGrant): Promise<{ token: string; expiresAt: Date }> {
    const issuedAt = Math.floor(this.#clock.now().getTime() / 1000);
    const expiresAt = issuedAt + grant.expirationSeconds;
    const { namespace, name, uid, secret } = grant;
    const token = await new SignJWT({
      "kubernetes.io": { namespace, serviceaccount: { name, uid }, ...(secret && { secret }) },
    })
      .setProtectedHeader({ alg: algorithm, kid: this.#key.id })
      .setIssuer(apiAudience)
      .setSubject(serviceAccountUsername(namespace, name))
      .setAudience([...grant.audiences])
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(randomUUID())
      .sign(this.#key.privateKey);
    return { token, expiresAt: new Date(expiresAt * 1000) };
  }

  /**
   * Undefined for a token that is not ours, was tampered with, is not valid now, or whose ServiceAccount (or Secret)
   * is gone. The audiences are the caller's to judge.
   */
  async verify(token: string): Promise<VerifiedToken | undefined> {
    if (token.length > longestToken || token.split(".").length !== 3) return undefined;
    const digest = createHash("sha256").update(token).digest("base64");
    const claims = this.#verified.get(digest) ?? (await this.#check(token));
    if (!claims) return undefined;
    this.#verified.set(digest, claims);
    if (!this.#validNow(claims)) return undefined;
    const { namespace, name, uid, credentialId } = claims;
    return {
      user: {
        username: serviceAccountUsername(namespace, name),
        uid,
        groups: serviceAccountGroups(namespace),
        extra: { "authentication.kubernetes.io/credential-id": [`JTI=${credentialId}`] },
      },
      audiences: claims.audiences,
    };
  }

  /** What does not change with time: signature and form. */
  async #check(token: string): Promise<Claims | undefined> {
    try {
      // Another key's token is told apart before any arithmetic.
      if (decodeProtectedHeader(token).kid !== this.#key.id) return undefined;
      const { payload } = await jwtVerify(token, this.#key.publicKey, {
        algorithms: [algorithm],
        issuer: apiAudience,
        // Time is judged at each use.
        clockTolerance: Number.MAX_SAFE_INTEGER,
      });
      return parseClaims(payload);
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  /**
   * The time before which a token is not valid is when this server made it: where that is still to come the clock has been
   * set back, which must not lock out who had the token already.
   */
  #validNow({ namespace, name, uid, secret, expires }: Claims): boolean {
    const seconds = this.#clock.now().getTime() / 1000;
    return (
      seconds < expires &&
      this.#exists(serviceAccounts, namespace, { name, uid }) &&
      (secret === undefined || this.#exists(secrets, namespace, secret))
    );
  }

  #exists(resource: GroupResource, namespace: string, { name, uid }: { name: string; uid: string }): boolean {
    const object = this.#reader.get<KubeObject>(resource, { namespace, name });
    return object?.metadata.uid === uid && object.metadata.deletionTimestamp === undefined;
  }
}

interface Claims {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly secret: { readonly name: string; readonly uid: string } | undefined;
  readonly audiences: readonly string[];
  readonly credentialId: string;
  /** Seconds since 1970. */
  readonly expires: number;
}

/** Only this server's key signs, yet what it signed may be of another release. */
function parseClaims({ sub, aud, jti, exp, ...rest }: JWTPayload): Claims | undefined {
  const { namespace, serviceaccount, secret } = (rest["kubernetes.io"] ?? {}) as Record<string, unknown>;
  if (typeof namespace !== "string" || !isReference(serviceaccount)) return undefined;
  if (secret !== undefined && !isReference(secret)) return undefined;
  if (sub !== serviceAccountUsername(namespace, serviceaccount.name)) return undefined;
  if (aud === undefined || jti === undefined || exp === undefined) return undefined;
  return {
    namespace,
    name: serviceaccount.name,
    uid: serviceaccount.uid,
    secret,
    audiences: [aud].flat(),
    credentialId: jti,
    expires: exp,
  };
}

function isReference(value: unknown): value is { name: string; uid: string } {
  const { name, uid } = (value ?? {}) as { name?: unknown; uid?: unknown };
  return typeof name === "string" && typeof uid === "string";
}
