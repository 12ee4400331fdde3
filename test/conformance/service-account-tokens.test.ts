import { beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { secret } from "./support/objects.ts";
import { core, grant } from "./support/rbac.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
let ns: Namespace;

beforeEach(async () => {
  ns = await suite.namespace();
  await suite.api.create(ns.core("serviceaccounts"), {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "robot" },
  });
});

interface TokenStatus {
  readonly token: string;
  readonly expirationTimestamp: string;
}

async function request(spec: object = {}): Promise<TokenStatus> {
  const { status } = await suite.api.create(`${ns.core("serviceaccounts", "robot")}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec,
  });
  return status as TokenStatus;
}

const bearer = (token: string) => suite.bearer(token);

async function review(token: string, audiences?: string[]) {
  const { status } = await suite.api.create("/apis/authentication.k8s.io/v1/tokenreviews", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token, ...(audiences ? { audiences } : {}) },
  });
  return status as {
    authenticated?: boolean;
    user?: { username: string; uid: string; extra?: object };
    error?: string;
  };
}

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as Record<string, unknown>;

// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
describe("a token of a service account", () => {
  it("is asked for, reviewed, and used", async () => {
    const { token } = await request();
    const { metadata } = await suite.api.get(ns.core("serviceaccounts", "robot"));
    expect(await review(token)).toMatchObject({
      authenticated: true,
      user: { username: `system:serviceaccount:${ns.name}:robot`, uid: metadata.uid },
    });
    const robot = bearer(token);
    expect((await robot.send("GET", ns.core("configmaps"))).status).toBe(403);
    const rules = [core(["configmaps"], ["list"])];
    await grant(suite, ns, { kind: "ServiceAccount", name: "robot", namespace: ns.name }, rules);
    expect((await suite.allowed(() => robot.send("GET", ns.core("configmaps")))).status).toBe(200);
  });

  it("says of whom and until when it is", async () => {
    const { token, expirationTimestamp } = await request({ expirationSeconds: 1200 });
    const { exp, iat, sub, ...rest } = claimsOf(token) as { exp: number; iat: number; sub: string };
    expect(sub).toBe(`system:serviceaccount:${ns.name}:robot`);
    expect(exp - iat).toBe(1200);
    expect(new Date(expirationTimestamp).getTime()).toBe(exp * 1000);
    expect(rest).toMatchObject({
      "kubernetes.io": { namespace: ns.name, serviceaccount: { name: "robot", uid: expect.any(String) } },
    });
  });

  it("for another audience is no token for the API server", async () => {
    const { token } = await request({ audiences: ["vault.example.com"] });
    expect((await bearer(token).send("GET", "/api")).status).toBe(401);
    expect(await review(token)).toMatchObject({ error: expect.any(String) });
    expect(await review(token, ["vault.example.com"])).toMatchObject({
      authenticated: true,
      audiences: ["vault.example.com"],
    });
  });

  it("ends with the Secret to which it is bound", async () => {
    const bound = await suite.api.create(ns.core("secrets"), secret("bound"));
    const { uid } = bound.metadata;
    const { token } = await request({ boundObjectRef: { apiVersion: "v1", kind: "Secret", name: "bound", uid } });
    expect((await bearer(token).send("GET", "/api")).status).toBe(200);
    await suite.api.remove(ns.core("secrets", "bound"));
    // Answers may be remembered for some seconds.
    await eventually("the token is refused", async () => (await bearer(token).send("GET", "/api")).status === 401);
  });

  it("ends with its service account, and another of the same name does not revive it", async () => {
    const { token } = await request();
    expect((await bearer(token).send("GET", "/api")).status).toBe(200);
    await suite.api.remove(ns.core("serviceaccounts", "robot"));
    await suite.api.create(ns.core("serviceaccounts"), {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "robot" },
    });
    await eventually("the token is refused", async () => (await bearer(token).send("GET", "/api")).status === 401);
  });

  it("that was tampered with is refused", async () => {
    const { token } = await request();
    const [header, , signature] = token.split(".");
    const claims = { ...claimsOf(token), sub: "system:serviceaccount:kube-system:robot" };
    const forged = [header, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join(".");
    expect((await bearer(forged).send("GET", "/api")).status).toBe(401);
    expect((await review(forged)).authenticated ?? false).toBe(false);
  });

  it("lives for ten minutes at least", async () => {
    const { status, body } = await suite.api.send("POST", `${ns.core("serviceaccounts", "robot")}/token`, {
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 599 } },
    });
    expect([status, body.reason]).toEqual([422, "Invalid"]);
    expect(body.details.causes?.[0]).toMatchObject({ field: "spec.expirationSeconds" });
  });

  it("is not given for a service account that is not there", async () => {
    const { status } = await suite.api.send("POST", `${ns.core("serviceaccounts", "absent")}/token`, {
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
    });
    expect(status).toBe(404);
  });
});
