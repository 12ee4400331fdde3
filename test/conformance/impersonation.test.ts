import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Client } from "./support/client.ts";
import { bindEverywhere, clusterRole, core } from "./support/rbac.ts";
import { conformance, suffix } from "./support/suite.ts";

const suite = conformance();
let name: string;
let user: Client;

beforeEach(() => {
  name = `user-${suffix()}`;
  user = suite.api.as(name);
});

interface UserInfo {
  readonly username: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

async function whoAmI(client: Client): Promise<UserInfo> {
  const { status } = await client.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "SelfSubjectReview",
  });
  return (status as { userInfo: UserInfo }).userInfo;
}

// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
describe("impersonation", () => {
  it("makes a request somebody else's, with the groups that it names", async () => {
    const { username, groups } = await whoAmI(suite.api.as(name, "one", "two"));
    expect(username).toBe(name);
    expect(groups?.toSorted()).toEqual(["one", "system:authenticated", "two"]);
  });

  it("adds to a service account the groups that all of them have", async () => {
    const { groups } = await whoAmI(suite.api.as("system:serviceaccount:default:robot"));
    expect(groups?.toSorted()).toEqual([
      "system:authenticated",
      "system:serviceaccounts",
      "system:serviceaccounts:default",
    ]);
  });

  it("carries further attributes", async () => {
    const { extra } = await whoAmI(user.with({ "impersonate-extra-scopes": ["view", "edit"] }));
    expect(extra?.scopes?.toSorted()).toEqual(["edit", "view"]);
  });

  it("names no groups without a user", async () => {
    const { status } = await suite.api
      .with({ "impersonate-group": "system:masters" })
      .send("GET", "/api/v1/namespaces/default");
    expect(status).toBeGreaterThanOrEqual(400);
  });

  it("is for those who may", async () => {
    const token = await tokenOfRobot();
    const robot = suite.bearer(token.value);
    const asOther = robot.as(`other-${suffix()}`);
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const attempt = (client: Client) => () =>
      client.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { body: review });
    const { status, body } = await attempt(asOther)();
    expect([status, body.reason]).toEqual([403, "Forbidden"]);
    const role = await clusterRole(suite, [core(["users"], ["impersonate"])]);
    await bindEverywhere(suite, role, { kind: "ServiceAccount", name: "robot", namespace: token.namespace });
    expect((await suite.allowed(attempt(asOther))).status).toBe(201);
    // Users only: groups are another right.
    expect((await attempt(robot.as("other", "system:masters"))()).status).toBe(403);
  });
});

async function tokenOfRobot(): Promise<{ value: string; namespace: string }> {
  const ns = await suite.namespace();
  await suite.api.create(ns.core("serviceaccounts"), {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "robot" },
  });
  const { status } = await suite.api.create(`${ns.core("serviceaccounts", "robot")}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {},
  });
  return { value: (status as { token: string }).token, namespace: ns.name };
}
