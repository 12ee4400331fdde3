import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "@jest/globals";
import type { RequestAttributes } from "./access.ts";
import { ImpersonatingAuthenticator } from "./impersonation.ts";

/** An admin who may impersonate what `allowed` lists, as `resource[/subresource] [namespace/]name`; * for everything. */
function impersonator(...allowed: string[]) {
  const asked: string[] = [];
  const authenticator = new ImpersonatingAuthenticator(
    { authenticate: async () => ({ username: "admin", groups: ["system:authenticated"] }) },
    {
      authorize(_user, attributes) {
        const text = describeQuestion(attributes);
        asked.push(text);
        return { allowed: allowed.includes("*") || allowed.includes(text), reason: "" };
      },
    },
  );
  const ask = (headers: Record<string, string | string[]>) => {
    const distinct = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()]));
    const joined = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")]),
    );
    return authenticator.authenticate({ headers: joined, headersDistinct: distinct } as unknown as IncomingMessage);
  };
  return { ask, asked };
}

function describeQuestion(attributes: RequestAttributes): string {
  if (attributes.kind === "path" || attributes.verb !== "impersonate") throw new Error("asked for something else");
  const { resource, subresource, namespace, name, group } = attributes;
  const what = [resource, ...(group === "" ? [] : [group])].join(".") + (subresource === "" ? "" : `/${subresource}`);
  return `${what} ${namespace === "" ? "" : `${namespace}/`}${name}`;
}

describe("impersonation", () => {
  it("leaves a request without its headers alone", async () => {
    const { ask, asked } = impersonator();
    expect(await ask({ accept: "*/*" })).toEqual({ username: "admin", groups: ["system:authenticated"] });
    expect(asked).toEqual([]);
  });

  it("acts as a user, whom it holds to be authenticated", async () => {
    const { ask, asked } = impersonator("users bob");
    expect(await ask({ "impersonate-user": "bob" })).toEqual({
      username: "bob",
      groups: ["system:authenticated"],
      extra: {},
      impersonator: { username: "admin", groups: ["system:authenticated"] },
    });
    expect(asked).toEqual(["users bob"]);
  });

  it("acts as a ServiceAccount with the groups of its tokens", async () => {
    const { ask, asked } = impersonator("serviceaccounts team-a/bot");
    expect(await ask({ "impersonate-user": "system:serviceaccount:team-a:bot" })).toMatchObject({
      groups: ["system:serviceaccounts", "system:serviceaccounts:team-a", "system:authenticated"],
    });
    expect(asked).toEqual(["serviceaccounts team-a/bot"]);
  });

  it("asks for each part", async () => {
    const { ask, asked } = impersonator("*");
    const user = await ask({
      "impersonate-user": "bob",
      "impersonate-uid": "u-1",
      "impersonate-group": ["devs", "ops"],
      "impersonate-extra-example.com%2fscope": ["read", "write"],
    });
    expect(user).toEqual({
      username: "bob",
      uid: "u-1",
      groups: ["devs", "ops", "system:authenticated"],
      extra: { "example.com/scope": ["read", "write"] },
      impersonator: expect.objectContaining({ username: "admin" }),
    });
    expect(asked).toEqual([
      "users bob",
      "groups devs",
      "groups ops",
      "userextras.authentication.k8s.io/example.com/scope read",
      "userextras.authentication.k8s.io/example.com/scope write",
      "uids.authentication.k8s.io u-1",
    ]);
  });

  it.each([
    {
      because: "the user is not among those allowed",
      headers: { "impersonate-user": "root" },
      message:
        'users "root" is forbidden: User "admin" cannot impersonate resource "users" in API group "" at the cluster scope',
    },
    {
      because: "the user is, the group is not",
      headers: { "impersonate-user": "bob", "impersonate-group": "system:masters" },
      message:
        'groups "system:masters" is forbidden: User "admin" cannot impersonate resource "groups" in API group "" at the cluster scope',
    },
    {
      because: "the uid is not",
      headers: { "impersonate-user": "bob", "impersonate-uid": "u" },
      message:
        'uids.authentication.k8s.io "u" is forbidden: User "admin" cannot impersonate resource "uids" in API group "authentication.k8s.io" at the cluster scope',
    },
    {
      because: "it is a ServiceAccount",
      headers: { "impersonate-user": "system:serviceaccount:kube-system:root" },
      message:
        'serviceaccounts "root" is forbidden: User "admin" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "kube-system"',
    },
  ])("is refused when $because", async ({ headers, message }) => {
    const { ask } = impersonator("users bob");
    await expect(ask(headers)).rejects.toMatchObject({ code: 403, message });
  });

  it.each([{ "impersonate-group": "devs" }, { "impersonate-uid": "u" }, { "impersonate-extra-scope": "x" }])(
    "refuses %j without a user",
    async (headers) => {
      await expect(impersonator("*").ask(headers)).rejects.toMatchObject({ code: 400 });
    },
  );

  it("knows nobody where the credentials say nobody, whatever the headers say", async () => {
    const authenticator = new ImpersonatingAuthenticator(
      { authenticate: async () => undefined },
      { authorize: () => ({ allowed: true, reason: "" }) },
    );
    const headers = { "impersonate-user": "root" };
    const request = { headers, headersDistinct: { "impersonate-user": ["root"] } } as unknown as IncomingMessage;
    expect(await authenticator.authenticate(request)).toBeUndefined();
  });
});
