import { beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import type { Client } from "./support/client.ts";
import { core, grant, type Rule, type Subject } from "./support/rbac.ts";
import { conformance, type Namespace, suffix } from "./support/suite.ts";

const suite = conformance();
let ns: Namespace;
let subject: Subject;
let user: Client;

beforeEach(async () => {
  ns = await suite.namespace();
  subject = { kind: "User", name: `user-${suffix()}` };
  user = suite.api.as(subject.name);
});

const REVIEWS = "/apis/authorization.k8s.io/v1";

async function review(client: Client, kind: string, spec: object, path = REVIEWS): Promise<{ allowed: boolean }> {
  const { status } = await client.create(`${path}/${kind.toLowerCase()}s`, {
    apiVersion: "authorization.k8s.io/v1",
    kind,
    spec,
  });
  return status as { allowed: boolean };
}

const attributes = (verb: string, resource: string, rest: object = {}) => ({
  resourceAttributes: { namespace: ns.name, verb, group: "", resource, ...rest },
});

// https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
describe("a review of access", () => {
  it("answers for oneself what a request would be answered", async () => {
    const canI = async (verb: string, resource: string) =>
      (await review(user, "SelfSubjectAccessReview", attributes(verb, resource))).allowed;
    expect(await canI("list", "configmaps")).toBe(false);
    await grant(suite, ns, subject, [core(["configmaps"], ["list"])]);
    await eventually("the grant counts", () => canI("list", "configmaps"));
    expect(await canI("delete", "configmaps")).toBe(false);
    expect(await canI("list", "secrets")).toBe(false);
    expect((await user.send("GET", ns.core("configmaps"))).status).toBe(200);
  });

  it("answers for somebody else, their groups included", async () => {
    const group = `group-${suffix()}`;
    await grant(suite, ns, { kind: "Group", name: group }, [core(["configmaps"], ["get"])]);
    const can = async (groups: string[]) =>
      (
        await review(suite.api, "SubjectAccessReview", {
          user: subject.name,
          groups,
          ...attributes("get", "configmaps", { name: "one" }),
        })
      ).allowed;
    await eventually("the grant counts", () => can([group]));
    expect(await can([])).toBe(false);
  });

  it("answers for one namespace to those who may ask about it only", async () => {
    await grant(suite, ns, subject, [
      { apiGroups: ["authorization.k8s.io"], resources: ["localsubjectaccessreviews"], verbs: ["create"] },
    ]);
    const path = `${REVIEWS}/namespaces/${ns.name}/localsubjectaccessreviews`;
    const body = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "LocalSubjectAccessReview",
      metadata: { namespace: ns.name },
      spec: { user: "somebody", ...attributes("get", "configmaps") },
    };
    const { status } = await suite.allowed(() => user.send("POST", path, { body }));
    expect(status).toBe(201);
    const { metadata: _, kind: __, ...rest } = body;
    const everywhere = { ...rest, kind: "SubjectAccessReview" };
    expect((await user.send("POST", `${REVIEWS}/subjectaccessreviews`, { body: everywhere })).status).toBe(403);
  });

  it("lists one's rules in a namespace", async () => {
    const rule: Rule = { ...core(["configmaps"], ["get"]), resourceNames: ["mine"] };
    await grant(suite, ns, subject, [rule]);
    const found = await eventually("the grant is listed", async () => {
      const { status } = await user.create(`${REVIEWS}/selfsubjectrulesreviews`, {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectRulesReview",
        spec: { namespace: ns.name },
      });
      const { resourceRules } = status as { resourceRules: Rule[] };
      return resourceRules.find(({ resourceNames = [] }) => resourceNames.includes("mine"));
    });
    expect(found).toEqual(rule);
  });

  it("names one resource or one path, not both and not none", async () => {
    const both = { ...attributes("get", "configmaps"), nonResourceAttributes: { path: "/version", verb: "get" } };
    for (const spec of [both, {}]) {
      const { status } = await suite.api.send("POST", `${REVIEWS}/selfsubjectaccessreviews`, {
        body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec },
      });
      expect(status).toBe(422);
    }
  });
});
