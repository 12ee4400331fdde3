import { GROUP, VERSION } from "../api/v1alpha1/index.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { GatewayUser } from "./access.ts";

export type ReviewClient = Pick<KubeClient, "request">;

interface TokenReview {
  status?: { authenticated?: boolean; user?: GatewayUser };
}

interface SubjectAccessReview {
  status?: { allowed?: boolean };
}

/** What is to be done with runtimedeployments. Without a name: with all of the namespace; without a namespace: everywhere. */
export interface DeploymentAttributes {
  readonly verb: "get" | "use";
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Asks whose token it is. Undefined where it is nobody's. */
export async function reviewToken(
  client: ReviewClient,
  token: string,
  signal: AbortSignal,
): Promise<GatewayUser | undefined> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
  const path = "/apis/authentication.k8s.io/v1/tokenreviews";
  const { status } = await client.request<TokenReview>("POST", path, review, signal);
  return status?.authenticated === true && status.user?.username ? status.user : undefined;
}

/** Asks whether the user may do that. */
export async function reviewAccess(
  client: ReviewClient,
  user: GatewayUser,
  attributes: DeploymentAttributes,
  signal: AbortSignal,
): Promise<boolean> {
  const { username, uid, groups, extra } = user;
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: username,
      ...(uid === undefined ? {} : { uid }),
      ...(groups === undefined ? {} : { groups }),
      ...(extra === undefined ? {} : { extra }),
      resourceAttributes: { group: GROUP, version: VERSION, resource: "runtimedeployments", ...attributes },
    },
  };
  const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
  const { status } = await client.request<SubjectAccessReview>("POST", path, review, signal);
  return status?.allowed === true;
}
