import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { MemoryObjects } from "../../../test/support/memory-objects.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { StatusError } from "../http/status-error.ts";
import type { VirtualRequest, VirtualResource } from "../http/virtual-resource.ts";
import type { UserInfo } from "./access.ts";
import { localSubjectAccessReview, selfSubjectAccessReview, subjectAccessReview } from "./access-review.ts";
import { CredentialAuthenticator } from "./authenticator.ts";
import { selfSubjectReview, tokenReview } from "./identity-review.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { selfSubjectRulesReview } from "./rules-review.ts";
import { apiAudience, ServiceAccountTokens, serviceAccounts } from "./service-account-tokens.ts";
import { loadSigningKey } from "./signing-key.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, storedRbacObjects } from "./stored-rbac.ts";
import { tokenRequest } from "./token-request.ts";
import { UserTokens } from "./user-tokens.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";
const alice: UserInfo = { username: "alice", groups: ["devs", "system:authenticated"] };

let objects: MemoryObjects;
let authorizer: RbacAuthorizer;

beforeEach(() => {
  objects = new MemoryObjects();
  authorizer = new RbacAuthorizer(storedRbacObjects(objects));
  const rules = [
    { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
    { nonResourceURLs: ["/metrics"], verbs: ["get"] },
  ];
  objects.put(clusterRoles, { apiVersion, kind: "ClusterRole", metadata: { name: "r" }, rules });
  const binding = {
    apiVersion,
    roleRef: { kind: "ClusterRole", name: "r" },
    subjects: [{ kind: "User", name: "alice" }],
  };
  objects.put(roleBindings, { ...binding, kind: "RoleBinding", metadata: { name: "b", namespace: "team-a" } });
  objects.put(clusterRoleBindings, {
    ...binding,
    kind: "ClusterRoleBinding",
    metadata: { name: "c" },
    roleRef: { kind: "ClusterRole", name: "gone" },
  });
});

/** What a client gets: the answer, or the Status of the refusal. */
async function post(resource: VirtualResource, object: object, request: Partial<VirtualRequest> = {}): Promise<object> {
  const whole = {
    user: alice,
    namespace: "",
    name: "",
    dryRun: false,
    ...request,
    object: object as VirtualRequest["object"],
  };
  try {
    return await resource.create(whole);
  } catch (error) {
    if (error instanceof StatusError) return error.status;
    throw error;
  }
}

const listPods = { namespace: "team-a", verb: "list", resource: "pods" };

describe("access reviews", () => {
  it("answer what the authorizer would, and why", async () => {
    const spec = { resourceAttributes: listPods };
    expect(await post(selfSubjectAccessReview(authorizer), { spec, status: { allowed: false } })).toEqual({
      kind: "SelfSubjectAccessReview",
      apiVersion: "authorization.k8s.io/v1",
      metadata: {},
      spec,
      status: { allowed: true, reason: 'RBAC: allowed by RoleBinding "b/team-a" of ClusterRole "r" to User "alice"' },
    });
    expect(
      await post(selfSubjectAccessReview(authorizer), {
        spec: { resourceAttributes: { ...listPods, namespace: "x" } },
      }),
    ).toMatchObject({
      status: { allowed: false, reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found' },
    });
  });

  it("answer about paths", async () => {
    const spec = { nonResourceAttributes: { path: "/metrics", verb: "get" } };
    expect(await post(selfSubjectAccessReview(authorizer), { spec })).toMatchObject({
      spec,
      status: { allowed: false },
    });
  });

  it("answer about somebody else, of whom no reason is given where there is none", async () => {
    const spec = { user: "someone", groups: ["g"], resourceAttributes: listPods };
    expect(await post(subjectAccessReview(authorizer), { spec })).toEqual({
      kind: "SubjectAccessReview",
      apiVersion: "authorization.k8s.io/v1",
      metadata: {},
      spec,
      status: { allowed: false },
    });
    expect(await post(subjectAccessReview(authorizer), { spec: { ...spec, user: "alice" } })).toMatchObject({
      status: { allowed: true },
    });
  });

  it("answer about one namespace", async () => {
    const spec = { user: "alice", resourceAttributes: listPods };
    expect(await post(localSubjectAccessReview(authorizer), { spec }, { namespace: "team-a" })).toMatchObject({
      kind: "LocalSubjectAccessReview",
      metadata: { namespace: "team-a" },
      status: { allowed: true },
    });
  });

  const both = {
    resourceAttributes: { verb: "get", resource: "x" },
    nonResourceAttributes: { path: "/", verb: "get" },
  };
  it.each([
    {
      because: "nothing is asked",
      review: selfSubjectAccessReview,
      spec: {},
      message:
        "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
    },
    {
      because: "two things are asked",
      review: selfSubjectAccessReview,
      spec: both,
      message:
        'spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":"get"}: cannot be specified in combination with resourceAttributes',
    },
    {
      because: "it is about nobody",
      review: subjectAccessReview,
      spec: { resourceAttributes: listPods },
      message: 'spec.user: Invalid value: "": at least one of user or group must be specified',
    },
    {
      because: "it is about another namespace",
      review: localSubjectAccessReview,
      spec: { user: "alice", resourceAttributes: { ...listPods, namespace: "other" } },
      message: 'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
    },
    {
      because: "several things are wrong",
      review: subjectAccessReview,
      spec: {},
      message:
        "[spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, " +
        'spec.user: Invalid value: "": at least one of user or group must be specified]',
    },
  ])("are refused in kube-apiserver's words when $because", async ({ review, spec, message }) => {
    const status = await post(review(authorizer), { spec }, { namespace: "team-a" });
    expect(status).toMatchObject({
      code: 422,
      reason: "Invalid",
      message: `.authorization.k8s.io "" is invalid: ${message}`,
      details: { group: "authorization.k8s.io", causes: expect.any(Array) },
    });
    expect(status).not.toHaveProperty("details.kind");
  });
});

describe("SelfSubjectRulesReview", () => {
  it("lists rules of the cluster and the namespace", async () => {
    expect(await post(selfSubjectRulesReview(authorizer), { spec: { namespace: "team-a" } })).toMatchObject({
      status: {
        resourceRules: [{ verbs: ["list"], apiGroups: [""], resources: ["pods"] }],
        nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/metrics"] }],
        incomplete: false,
        evaluationError: 'clusterrole.rbac.authorization.k8s.io "gone" not found',
      },
    });
  });

  it("needs a namespace", async () => {
    const status = await post(selfSubjectRulesReview(authorizer), { spec: {} });
    expect(status).toMatchObject({ code: 400, reason: "BadRequest", message: "no namespace on request" });
  });
});

describe("identities", () => {
  const now = new Date("2026-11-21T09:00:00.500Z");
  const clock = { now: () => now };
  const bot = { namespace: "team-a", name: "bot" };
  let dataDir: string;
  let tokens: ServiceAccountTokens;
  let reviews: VirtualResource;
  let parent: Readonly<Record<string, unknown>>;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "slipway-reviews-"));
    tokens = new ServiceAccountTokens({ key: await loadSigningKey(dataDir), reader: objects, clock });
    const users = new UserTokens(dataDir, recordingLogger().logger);
    reviews = tokenReview(new CredentialAuthenticator({ users, serviceAccounts: tokens, clock }));
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...bot, uid: "u-1" } };
    parent = objects.put(serviceAccounts, account) as unknown as typeof parent;
  });

  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const requestToken = (spec: object, metadata?: object) =>
    post(tokenRequest({ tokens, reader: objects, clock }), { spec, ...(metadata && { metadata }) }, { ...bot, parent });

  it("are told to themselves", async () => {
    expect(await post(selfSubjectReview(), {})).toEqual({
      kind: "SelfSubjectReview",
      apiVersion: "authentication.k8s.io/v1",
      metadata: {},
      status: { userInfo: { username: "alice", groups: ["devs", "system:authenticated"] } },
    });
  });

  it("are given as tokens", async () => {
    const answer = await requestToken({ audiences: ["slipway"], expirationSeconds: 3600 });
    expect(answer).toEqual({
      kind: "TokenRequest",
      apiVersion: "authentication.k8s.io/v1",
      metadata: { ...bot, uid: "u-1", creationTimestamp: "2026-11-21T09:00:00Z" },
      spec: { audiences: ["slipway"], expirationSeconds: 3600, boundObjectRef: null },
      status: { token: expect.any(String), expirationTimestamp: "2026-11-21T10:00:00Z" },
    });
    expect(await requestToken({})).toMatchObject({ spec: { audiences: [apiAudience], expirationSeconds: 3600 } });
  });

  it("are recognized by a TokenReview", async () => {
    const { status } = (await requestToken({})) as { status: { token: string } };
    expect(await post(reviews, { spec: { token: status.token } })).toMatchObject({
      kind: "TokenReview",
      spec: { token: status.token },
      status: {
        authenticated: true,
        user: {
          username: "system:serviceaccount:team-a:bot",
          uid: "u-1",
          groups: ["system:serviceaccounts", "system:serviceaccounts:team-a", "system:authenticated"],
        },
        audiences: [apiAudience],
      },
    });
    expect(await post(reviews, { spec: { token: status.token, audiences: ["vault"] } })).toMatchObject({
      status: { user: {}, error: expect.stringContaining('is invalid for the target audiences ["vault"]') },
    });
  });

  it("are unknown to a TokenReview where nobody issued the token", async () => {
    expect(await post(reviews, { spec: { token: "nonsense" } })).toMatchObject({
      status: { user: {}, error: "invalid bearer token" },
    });
    expect(await post(reviews, { spec: {} })).toMatchObject({
      code: 400,
      message: "token is required for TokenReview in authentication",
    });
  });

  it.each([
    {
      because: "it is to live for a minute",
      spec: { expirationSeconds: 60 },
      code: 422,
      message:
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
    },
    {
      because: "it is to live for ages",
      spec: { expirationSeconds: 4294967297 },
      code: 422,
      message:
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    },
    {
      because: "its Secret is missing",
      spec: { boundObjectRef: { kind: "Secret", apiVersion: "v1", name: "none" } },
      code: 404,
      message: 'secrets "none" not found',
    },
    {
      because: "it is to be bound to what does not run here",
      spec: { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p" } },
      code: 400,
      message: "cannot bind token to object of type v1, Kind=Pod",
    },
    {
      because: "it is for another than the path says",
      spec: {},
      metadata: { name: "root" },
      code: 422,
      message:
        'TokenRequest.authentication.k8s.io "bot" is invalid: metadata.name: Invalid value: "root": must match the service account name if specified',
    },
    {
      because: "it is for an earlier ServiceAccount of that name",
      spec: {},
      metadata: { uid: "u-0" },
      code: 409,
      message: expect.stringContaining("does not match the UID of the service account (u-1)"),
    },
  ])("are not given when $because", async ({ spec, metadata, code, message }) => {
    expect(await requestToken(spec, metadata)).toMatchObject({ code, message });
  });

  it("can be bound to a Secret", async () => {
    objects.put({ group: "", plural: "secrets" }, { metadata: { name: "s", namespace: "team-a", uid: "s-1" } });
    const ref = { kind: "Secret", apiVersion: "v1", name: "s" };
    const { status } = (await requestToken({ boundObjectRef: ref })) as { status: { token: string } };
    expect(await tokens.verify(status.token)).toBeDefined();
    objects.remove({ group: "", plural: "secrets" }, { namespace: "team-a", name: "s" });
    expect(await tokens.verify(status.token)).toBeUndefined();
    objects.put({ group: "", plural: "secrets" }, { metadata: { name: "s", namespace: "team-a", uid: "s-2" } });
    expect(await requestToken({ boundObjectRef: { ...ref, uid: "s-1" } })).toMatchObject({ code: 409 });
  });
});
