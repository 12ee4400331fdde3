import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../machinery/clock.ts";
import type { Authenticator, UserInfo } from "./access.ts";
import { certificateUser } from "./client-certificate.ts";
import { apiAudience, type ServiceAccountTokens } from "./service-account-tokens.ts";
import type { RecognizedUser, UserTokens } from "./user-tokens.ts";

const authenticatedGroup = "system:authenticated";

export interface AuthenticatedToken {
  readonly user: UserInfo;
  /** Those of the token that were asked for. */
  readonly audiences: readonly string[];
}

/** A token was recognized, but is for somebody else. The message is kube-apiserver's. */
export class WrongAudience extends Error {
  override readonly name = "WrongAudience";

  constructor(held: readonly string[], wanted: readonly string[]) {
    const list = (audiences: readonly string[]) => JSON.stringify(audiences).replaceAll(",", " ");
    super(`token audiences ${list(held)} is invalid for the target audiences ${list(wanted)}`);
  }
}

/** Client certificates, then bearer tokens of static users and ServiceAccounts. Nobody is anonymous. */
export class CredentialAuthenticator implements Authenticator {
  readonly #users: UserTokens;
  readonly #serviceAccounts: ServiceAccountTokens;
  readonly #clock: Pick<Clock, "now">;
  /** By connection, since one says the same with each request: what was recognized is compared, not hashed again. */
  readonly #known = new WeakMap<Socket, RecognizedUser & { readonly authorization: string | undefined }>();

  constructor(options: { users: UserTokens; serviceAccounts: ServiceAccountTokens; clock: Pick<Clock, "now"> }) {
    this.#users = options.users;
    this.#serviceAccounts = options.serviceAccounts;
    this.#clock = options.clock;
  }

  async authenticate(request: IncomingMessage): Promise<UserInfo | undefined> {
    const { socket, headers } = request;
    const known = this.#known.get(socket);
    if (known && known.authorization === headers.authorization && this.#users.isCurrent(known)) return known.user;
    const user = certificateUser(request, this.#clock.now());
    if (user) return authenticated(user);
    const token = bearerToken(headers.authorization);
    if (token === undefined) return undefined;
    const recognized = this.#users.recognize(token);
    if (!recognized) return this.#serviceAccount(token);
    const credential = { ...recognized, user: authenticated(recognized.user), authorization: headers.authorization };
    this.#known.set(socket, credential);
    return credential.user;
  }

  async #serviceAccount(token: string): Promise<UserInfo | undefined> {
    try {
      return (await this.authenticateToken(token, [apiAudience]))?.user;
    } catch (error) {
      if (error instanceof WrongAudience) return undefined;
      throw error;
    }
  }

  /**
   * Undefined for a token that this server does not know.
   * @throws {WrongAudience} when it is valid for none of `audiences`.
   */
  async authenticateToken(token: string, audiences: readonly string[]): Promise<AuthenticatedToken | undefined> {
    const user = this.#users.authenticate(token);
    // A static user's token says nothing of audiences: it is meant for this server.
    const known = user ? { user, audiences: [apiAudience] } : await this.#serviceAccounts.verify(token);
    if (!known) return undefined;
    const shared = known.audiences.filter((audience) => audiences.includes(audience));
    if (shared.length === 0) throw new WrongAudience(known.audiences, audiences);
    return { user: authenticated(known.user), audiences: shared };
  }
}

function authenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(authenticatedGroup)) return user;
  return { ...user, groups: [...user.groups, authenticatedGroup] };
}

/** Node joins repeated Authorization headers to the first, so there is one at most. */
function bearerToken(header: string | undefined): string | undefined {
  const [scheme, token, ...rest] = (header ?? "").trim().split(/ +/);
  return scheme?.toLowerCase() === "bearer" && token && rest.length === 0 ? token : undefined;
}
