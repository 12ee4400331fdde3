import { badRequest } from "../http/status-error.ts";
import type { VirtualResource } from "../http/virtual-resource.ts";
import type { UserInfo } from "./access.ts";
import { type CredentialAuthenticator, WrongAudience } from "./authenticator.ts";
import { object, reviewDefinition, text, texts } from "./review-definition.ts";
import { apiAudience } from "./service-account-tokens.ts";

const group = "authentication.k8s.io";

/** Who am I? The question of `kubectl auth whoami`. */
export function selfSubjectReview(): VirtualResource {
  return {
    definition: reviewDefinition({ group, kind: "SelfSubjectReview" }),
    create({ user }) {
      return {
        kind: "SelfSubjectReview",
        apiVersion: `${group}/v1`,
        metadata: {},
        status: { userInfo: shown(user) },
      };
    },
  };
}

/** Whose token is this? Asked by those who serve users of this API server, such as the gateway. */
export function tokenReview(authenticator: CredentialAuthenticator): VirtualResource {
  return {
    definition: reviewDefinition({ group, kind: "TokenReview", spec: object({ token: text, audiences: texts }) }),
    async create({ object }) {
      const spec = (object.spec ?? {}) as { token?: string; audiences?: string[] };
      if (!spec.token) throw badRequest("token is required for TokenReview in authentication");
      const audiences = spec.audiences?.length ? spec.audiences : [apiAudience];
      return {
        kind: "TokenReview",
        apiVersion: `${group}/v1`,
        metadata: {},
        spec,
        status: await statusOf(authenticator, spec.token, audiences),
      };
    },
  };
}

const invalidToken = "invalid bearer token";

async function statusOf(authenticator: CredentialAuthenticator, token: string, audiences: string[]): Promise<object> {
  try {
    const known = await authenticator.authenticateToken(token, audiences);
    if (!known) return { user: {}, error: invalidToken };
    return { authenticated: true, user: shown(known.user), audiences: known.audiences };
  } catch (error) {
    if (error instanceof WrongAudience) return { user: {}, error: `[${invalidToken}, ${error.message}]` };
    throw error;
  }
}

function shown({ username, uid, groups, extra }: UserInfo): object {
  return { username, ...(uid && { uid }), groups, ...(extra && Object.keys(extra).length > 0 && { extra }) };
}
