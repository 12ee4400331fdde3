import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { badRequest } from "../http/status-error.ts";
import type { Authenticator, Authorizer, RequestAttributes, UserInfo } from "./access.ts";
import { refusal } from "./refusal.ts";
import { parseServiceAccountUsername, serviceAccountGroups } from "./service-account-name.ts";

const headerPrefix = "impersonate-";
const userHeader = `${headerPrefix}user`;
const uidHeader = `${headerPrefix}uid`;
const groupHeader = `${headerPrefix}group`;
const extraHeader = `${headerPrefix}extra-`;

const anonymousUser = "system:anonymous";
const authenticatedGroup = "system:authenticated";
const unauthenticatedGroup = "system:unauthenticated";

/**
 * Lets a user act as another one (`kubectl --as`), where RBAC allows the verb `impersonate` on each part of what is
 * asked for: the user or ServiceAccount, the uid, each group, each extra value.
 */
export class ImpersonatingAuthenticator implements Authenticator {
  readonly #inner: Authenticator;
  readonly #authorizer: Authorizer;

  constructor(inner: Authenticator, authorizer: Authorizer) {
    this.#inner = inner;
    this.#authorizer = authorizer;
  }

  /** @throws {StatusError} Forbidden when the user may not act as that one, BadRequest for groups without a user. */
  async authenticate(request: IncomingMessage): Promise<UserInfo | undefined> {
    const user = await this.#inner.authenticate(request);
    if (!user) return undefined;
    const wanted = impersonatedUser(request);
    if (!wanted) return user;
    for (const attributes of questions(wanted)) {
      const { allowed, reason } = this.#authorizer.authorize(user, attributes);
      if (!allowed) throw refusal(user, attributes, reason);
    }
    return { ...withImpliedGroups(wanted), impersonator: user };
  }
}

/** Whom the headers name, with the groups and values that they list; undefined without any of the headers. */
function impersonatedUser(request: Pick<IncomingMessage, "headers" | "headersDistinct">): UserInfo | undefined {
  const { headers } = request;
  // Nearly every request ends here; the lists are made only for the others.
  if (!Object.keys(headers).some((name) => name.startsWith(headerPrefix))) return undefined;
  const { headersDistinct } = request;
  const username = textOf(headers, userHeader);
  const uid = textOf(headers, uidHeader);
  const groups = headersDistinct[groupHeader] ?? [];
  const extra = Object.fromEntries(
    Object.entries(headersDistinct)
      .filter(([header]) => header.startsWith(extraHeader))
      .map(([header, values = []]) => [extraKey(header), values]),
  );
  if (username === "") {
    if (uid === "" && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
    throw badRequest("requested uid, groups or extra without impersonating a user");
  }
  return { username, ...(uid !== "" && { uid }), groups, extra };
}

function textOf(headers: IncomingHttpHeaders, name: string): string {
  return [headers[name] ?? ""].flat()[0] ?? "";
}

/** Keys may hold what header names may not, percent-encoded; a stray percent sign stands for itself. */
function extraKey(header: string): string {
  const key = header.slice(extraHeader.length);
  try {
    return decodeURIComponent(key).toLowerCase();
  } catch {
    return key;
  }
}

function* questions({ username, uid, groups, extra }: UserInfo): Generator<RequestAttributes> {
  const serviceAccount = parseServiceAccountUsername(username);
  yield serviceAccount
    ? question({ resource: "serviceaccounts", ...serviceAccount })
    : question({ resource: "users", name: username });
  for (const name of groups) yield question({ resource: "groups", name });
  const group = "authentication.k8s.io";
  for (const [subresource, values] of Object.entries(extra ?? {})) {
    for (const name of values) yield question({ resource: "userextras", group, subresource, name });
  }
  if (uid !== undefined) yield question({ resource: "uids", group, name: uid });
}

function question(asked: {
  resource: string;
  name: string;
  namespace?: string;
  group?: string;
  subresource?: string;
}): RequestAttributes {
  return { kind: "resource", verb: "impersonate", version: "v1", group: "", subresource: "", namespace: "", ...asked };
}

/** A ServiceAccount without listed groups has those that its tokens give; everybody is authenticated, or is not. */
function withImpliedGroups(user: UserInfo): UserInfo {
  const serviceAccount = parseServiceAccountUsername(user.username);
  const listed =
    user.groups.length > 0 || !serviceAccount ? user.groups : serviceAccountGroups(serviceAccount.namespace);
  if (listed.includes(authenticatedGroup) || listed.includes(unauthenticatedGroup)) return { ...user, groups: listed };
  const implied = user.username === anonymousUser ? unauthenticatedGroup : authenticatedGroup;
  return { ...user, groups: [...listed, implied] };
}
