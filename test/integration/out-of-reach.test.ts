import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { parseKubeconfig } from "../../src/server/access/kubeconfig.ts";
import { ApiCaller, type ApiPatch } from "../support/api-caller.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { Kubectl } from "../support/kubectl.ts";

const SECRET = "ZG8tbm90LXRlbGw=";
const SLIPWAY = "/apis/slipway.dev/v1alpha1";
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const REVIEWS = "/apis/authorization.k8s.io/v1";

interface Attempt {
  readonly because: string;
  /** A verb of HTTP, or the form of a patch. */
  readonly how: "GET" | "POST" | "PUT" | "DELETE" | ApiPatch;
  readonly path: string;
  readonly body?: unknown;
  /** 403 unless told otherwise. */
  readonly code?: number;
}

const deployment = (namespace: string, name: string) => ({
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeDeployment",
  metadata: { name, namespace },
  spec: { source: { image: { reference: "x:1" } } },
});

const role = (rules: readonly object[]) => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "Role",
  metadata: { name: "more", namespace: "mine" },
  rules,
});

const binding = (kind: string, name: string) => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "RoleBinding",
  metadata: { name: "more", namespace: "mine" },
  subjects: [{ kind: "User", name: "mallory", apiGroup: "rbac.authorization.k8s.io" }],
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name },
});

/** What a developer of one namespace may not, by every way that the API has. */
const ATTEMPTS: readonly Attempt[] = [
  // Secrets of others.
  { because: "reads another's Secret", how: "GET", path: "/api/v1/namespaces/theirs/secrets/s" },
  { because: "lists the Secrets of another namespace", how: "GET", path: "/api/v1/namespaces/theirs/secrets" },
  { because: "lists all Secrets", how: "GET", path: "/api/v1/secrets" },
  { because: "lists all Secrets by a selector", how: "GET", path: "/api/v1/secrets?labelSelector=a%3Db" },
  { because: "watches all Secrets", how: "GET", path: "/api/v1/secrets?watch=true&timeoutSeconds=1" },
  {
    because: "watches those of another namespace",
    how: "GET",
    path: "/api/v1/namespaces/theirs/secrets?watch=1&timeoutSeconds=1",
  },
  {
    because: "lists one by its name",
    how: "GET",
    path: "/api/v1/namespaces/theirs/secrets?fieldSelector=metadata.name%3Ds",
  },
  {
    because: "lists all of a namespace by a field",
    how: "GET",
    path: "/api/v1/secrets?fieldSelector=metadata.namespace%3Dtheirs",
  },
  { because: "writes the path in escapes", how: "GET", path: "/api/v1/namespaces/%74heirs/secrets/s" },
  {
    because: "steps out of their own namespace",
    how: "GET",
    path: "/api/v1/namespaces/mine/../theirs/secrets/s",
    code: 403,
  },
  { because: "steps out by escapes", how: "GET", path: "/api/v1/namespaces/mine%2F..%2Ftheirs/secrets/s" },
  { because: "doubles slashes", how: "GET", path: "//api/v1/namespaces/theirs/secrets/s" },
  { because: "ends with a slash", how: "GET", path: "/api/v1/namespaces/theirs/secrets/s/" },
  { because: "asks for its metadata only", how: "GET", path: "/api/v1/namespaces/theirs/secrets/s?as=meta" },
  {
    because: "replaces another's Secret",
    how: "PUT",
    path: "/api/v1/namespaces/theirs/secrets/s",
    body: { metadata: { name: "s" } },
  },
  {
    because: "patches it with nothing, to have it answered",
    how: "merge",
    path: "/api/v1/namespaces/theirs/secrets/s",
    body: {},
  },
  {
    because: "patches it in a dry run",
    how: "merge",
    path: "/api/v1/namespaces/theirs/secrets/s?dryRun=All",
    body: {},
  },
  {
    because: "tests its content by a JSON patch",
    how: "json",
    path: "/api/v1/namespaces/theirs/secrets/s",
    body: [{ op: "test", path: "/data/k", value: "x" }],
  },
  {
    because: "applies to it",
    how: "apply",
    path: "/api/v1/namespaces/theirs/secrets/s?fieldManager=m",
    body: { apiVersion: "v1", kind: "Secret", metadata: { name: "s" } },
  },
  { because: "deletes it, to have it answered", how: "DELETE", path: "/api/v1/namespaces/theirs/secrets/s" },
  { because: "deletes it in a dry run", how: "DELETE", path: "/api/v1/namespaces/theirs/secrets/s?dryRun=All" },
  { because: "deletes all of them", how: "DELETE", path: "/api/v1/namespaces/theirs/secrets" },
  {
    because: "makes one there",
    how: "POST",
    path: "/api/v1/namespaces/theirs/secrets",
    body: { metadata: { name: "x" } },
  },
  {
    because: "makes one there from their own namespace",
    how: "POST",
    path: "/api/v1/namespaces/mine/configmaps",
    body: { metadata: { name: "x", namespace: "theirs" } },
    code: 400,
  },
  // Tokens.
  {
    because: "makes a token of another's account",
    how: "POST",
    path: "/api/v1/namespaces/theirs/serviceaccounts/robot/token",
    body: {},
  },
  {
    because: "makes a token of the controller",
    how: "POST",
    path: "/api/v1/namespaces/slipway-system/serviceaccounts/slipway-controller/token",
    body: {},
  },
  {
    because: "asks whose token that is",
    how: "POST",
    path: "/apis/authentication.k8s.io/v1/tokenreviews",
    body: { spec: { token: "x" } },
  },
  // Objects of others.
  { because: "lists the ConfigMaps of another namespace", how: "GET", path: "/api/v1/namespaces/theirs/configmaps" },
  { because: "lists all deployments", how: "GET", path: `${SLIPWAY}/runtimedeployments` },
  { because: "reads another's deployment", how: "GET", path: `${SLIPWAY}/namespaces/theirs/runtimedeployments/d` },
  { because: "reads its status", how: "GET", path: `${SLIPWAY}/namespaces/theirs/runtimedeployments/d/status` },
  {
    because: "stops another's deployment",
    how: "merge",
    path: `${SLIPWAY}/namespaces/theirs/runtimedeployments/d`,
    body: { spec: { desiredState: "Stopped" } },
  },
  {
    because: "applies to another's deployment",
    how: "apply",
    path: `${SLIPWAY}/namespaces/theirs/runtimedeployments/d?fieldManager=m&force=true`,
    body: deployment("theirs", "d"),
  },
  { because: "deletes another's deployment", how: "DELETE", path: `${SLIPWAY}/namespaces/theirs/runtimedeployments/d` },
  {
    because: "makes a deployment there",
    how: "POST",
    path: `${SLIPWAY}/namespaces/theirs/runtimedeployments`,
    body: deployment("theirs", "e"),
  },
  {
    because: "makes one there by a PUT",
    how: "PUT",
    path: `${SLIPWAY}/namespaces/theirs/runtimedeployments/e`,
    body: deployment("theirs", "e"),
  },
  { because: "reads another's events", how: "GET", path: "/api/v1/namespaces/theirs/events" },
  { because: "writes another's events", how: "POST", path: "/api/v1/namespaces/theirs/events", body: {} },
  // Status.
  {
    because: "writes the status of their own deployment",
    how: "merge",
    path: `${SLIPWAY}/namespaces/mine/runtimedeployments/d/status`,
    body: { status: { phase: "Connected" } },
  },
  {
    because: "replaces it",
    how: "PUT",
    path: `${SLIPWAY}/namespaces/mine/runtimedeployments/d/status`,
    body: deployment("mine", "d"),
  },
  {
    because: "applies to it",
    how: "apply",
    path: `${SLIPWAY}/namespaces/mine/runtimedeployments/d/status?fieldManager=m`,
    body: deployment("mine", "d"),
  },
  {
    because: "writes the status of another's",
    how: "merge",
    path: `${SLIPWAY}/namespaces/theirs/runtimedeployments/d/status`,
    body: { status: {} },
  },
  {
    because: "writes the status of a backend",
    how: "merge",
    path: `${SLIPWAY}/runtimebackends/b/status`,
    body: { status: {} },
  },
  // What is the cluster's.
  {
    because: "makes a backend",
    how: "POST",
    path: `${SLIPWAY}/runtimebackends`,
    body: { metadata: { name: "x" }, spec: { type: "docker" } },
  },
  {
    because: "makes a guardrail profile",
    how: "POST",
    path: `${SLIPWAY}/guardrailprofiles`,
    body: { metadata: { name: "x" }, spec: {} },
  },
  {
    because: "edits a built-in profile",
    how: "merge",
    path: `${SLIPWAY}/guardrailprofiles/standard`,
    body: { spec: { runAsNonRoot: false } },
  },
  {
    because: "moves the bound of their namespace",
    how: "merge",
    path: "/api/v1/namespaces/mine",
    body: { metadata: { labels: { "slipway.dev/guardrails-bound": "unrestricted" } } },
  },
  { because: "deletes their namespace", how: "DELETE", path: "/api/v1/namespaces/mine" },
  { because: "makes a namespace", how: "POST", path: "/api/v1/namespaces", body: { metadata: { name: "x" } } },
  {
    because: "makes a definition",
    how: "POST",
    path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    body: {},
  },
  {
    because: "makes a webhook that sees every Secret",
    how: "POST",
    path: "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    body: {},
  },
  {
    because: "takes the lease of the controller",
    how: "merge",
    path: "/apis/coordination.k8s.io/v1/namespaces/slipway-system/leases/slipway",
    body: { spec: {} },
  },
  // More rights.
  {
    because: "makes a role in their namespace",
    how: "POST",
    path: `${RBAC}/namespaces/mine/roles`,
    body: role([{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]),
  },
  {
    because: "binds themselves to cluster-admin",
    how: "POST",
    path: `${RBAC}/namespaces/mine/rolebindings`,
    body: binding("ClusterRole", "cluster-admin"),
  },
  {
    because: "binds themselves everywhere",
    how: "POST",
    path: `${RBAC}/clusterrolebindings`,
    body: { ...binding("ClusterRole", "cluster-admin"), kind: "ClusterRoleBinding" },
  },
  {
    because: "edits a role that they have",
    how: "merge",
    path: `${RBAC}/clusterroles/slipway-developer`,
    body: { rules: [] },
  },
  {
    because: "adds a role to what aggregates into theirs",
    how: "POST",
    path: `${RBAC}/clusterroles`,
    body: { metadata: { name: "x", labels: { "rbac.authorization.k8s.io/aggregate-to-edit": "true" } }, rules: [] },
  },
  {
    because: "asks what another may",
    how: "POST",
    path: `${REVIEWS}/subjectaccessreviews`,
    body: { spec: { user: "admin", nonResourceAttributes: { path: "/", verb: "get" } } },
  },
  {
    because: "asks that of another namespace",
    how: "POST",
    path: `${REVIEWS}/namespaces/theirs/localsubjectaccessreviews`,
    body: {},
  },
  { because: "reads who has which role", how: "GET", path: `${RBAC}/clusterrolebindings` },
  { because: "reads metrics", how: "GET", path: "/metrics" },
];

describe("a developer of one namespace", () => {
  let api: TestApiServer;
  let admin: Kubectl;
  let boss: ApiCaller;
  let mallory: ApiCaller;

  beforeAll(async () => {
    api = await startTestApiServer();
    admin = new Kubectl(api.kubeconfig);
    const roles = parseAllDocuments(readFileSync("manifests/rbac/roles.yaml", "utf8")).map((document) =>
      document.toJS(),
    );
    await admin.apply(...roles.filter((each) => each !== null));
    for (const namespace of ["mine", "theirs", "slipway-system"]) await admin.try(["create", "namespace", namespace]);
    const profile = {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "GuardrailProfile",
      metadata: { name: "standard" },
      spec: {},
    };
    const backend = {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeBackend",
      metadata: { name: "b" },
      spec: { type: "docker" },
    };
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: "theirs", labels: { a: "b" } },
      data: { k: SECRET },
    };
    const robot = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot", namespace: "theirs" } };
    await admin.apply(profile, backend, secret, robot, deployment("mine", "d"), deployment("theirs", "d"));
    const token = parseKubeconfig(readFileSync(await api.addUser("mallory"), "utf8")).token ?? "";
    for (const name of ["edit", "slipway-developer"])
      await admin.run(["-n", "mine", "create", "rolebinding", name, `--clusterrole=${name}`, "--user=mallory"]);
    boss = new ApiCaller(api);
    mallory = new ApiCaller({ url: api.url, caPem: api.caPem, adminToken: token });
  }, 60_000);
  afterAll(async () => {
    await Promise.all([mallory, boss].map((caller) => caller?.[Symbol.asyncDispose]()));
    await api?.[Symbol.asyncDispose]();
  });

  it("does their own work", async () => {
    expect((await mallory.call("GET", "/api/v1/namespaces/mine/secrets")).status).toBe(200);
    const path = `${SLIPWAY}/namespaces/mine/runtimedeployments`;
    expect((await mallory.call("POST", path, deployment("mine", "own"))).status).toBe(201);
    expect((await mallory.patch("merge", `${path}/own`, { spec: { desiredState: "Stopped" } })).status).toBe(200);
    expect((await mallory.call("DELETE", `${path}/own`)).status).toBe(200);
  });

  it.each(ATTEMPTS)("gets nowhere who $because", async ({ how, path, body, code = 403 }) => {
    const before = await version();
    const answer =
      how === "json" || how === "merge" || how === "apply"
        ? await mallory.patch(how, path, body)
        : await mallory.call(how, path, body);
    expect(answer.status).toBe(code);
    expect(JSON.stringify(answer.body)).not.toContain(SECRET);
    expect(await version()).toBe(before);
  });

  it("has been tried in sixty ways", () => {
    expect(ATTEMPTS.length).toBeGreaterThanOrEqual(60);
  });

  /** The version of all that is stored: any write, whatever it touches, makes another. */
  async function version(): Promise<string> {
    const { body } = await boss.call<{ metadata: { resourceVersion: string } }>("GET", "/api/v1/namespaces?limit=1");
    return body.metadata.resourceVersion;
  }
});
