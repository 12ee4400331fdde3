import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { addUser, revokeUser } from "../../src/cli/user.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { writeAdminKubeconfig } from "../../src/server/access/kubeconfig.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
import { Kubectl } from "../support/kubectl.ts";

/** Real kubectl, as several people, against a running server. */

let server: TestApiServer;
let admin: Kubectl;

beforeAll(async () => {
  server = await startTestApiServer();
  admin = new Kubectl(server.kubeconfig);
  await writeAdminKubeconfig({ dataDir: server.dataDir, url: server.url, caPem: server.caPem }, systemClock);
  for (const namespace of ["team-a", "team-b"]) await admin.run(["create", "namespace", namespace]);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

let people = 0;
/** A new user without any rights. */
async function newcomer(...groups: string[]): Promise<{ name: string; kubectl: Kubectl }> {
  const name = `user-${++people}`;
  return { name, kubectl: new Kubectl(await server.addUser(name, groups)) };
}

interface Reply {
  readonly status: number | undefined;
  readonly body: unknown;
}

interface Question {
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes are sent as protobuf, all else as JSON. */
  readonly body?: object | Buffer;
  /** Default: POST where there is a body. */
  readonly method?: "GET" | "POST" | "PUT";
}

/** A request beside kubectl, whose older releases know neither whoami nor create token. */
function ask(path: string, { token, headers, body, method = body ? "POST" : "GET" }: Question = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, server.url),
      {
        method,
        ca: server.caPem,
        agent: false,
        headers: {
          ...headers,
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body && {
            "content-type": Buffer.isBuffer(body) ? "application/vnd.kubernetes.protobuf" : "application/json",
          }),
        },
      },
      (response) => {
        json(response).then((answer) => resolve({ status: response.statusCode, body: answer }), reject);
      },
    );
    sent.on("error", reject);
    sent.end(Buffer.isBuffer(body) ? body : body && JSON.stringify(body));
  });
}

function put(path: string, body: object, token: string): Promise<Reply> {
  return ask(path, { method: "PUT", body, token });
}

function whoAmI(token: string, headers?: Question["headers"]): Promise<Reply> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  return ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", { token, body, ...(headers && { headers }) });
}

async function createToken(namespace: string, name: string, spec: object = {}): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
  const reply = await ask(path, { token: server.adminToken, body });
  expect(reply).toMatchObject({ status: 201 });
  return (reply.body as { status: { token: string } }).status.token;
}

async function tokenOf(kubectl: Kubectl): Promise<string> {
  return parse(await readFile(kubectl.kubeconfig, "utf8")).users[0].user.token;
}

describe("who asks", () => {
  it("is told to themselves", async () => {
    const { name, kubectl } = await newcomer("devs");
    expect(await whoAmI(await tokenOf(kubectl))).toMatchObject({
      status: 201,
      body: { status: { userInfo: { username: name, groups: ["devs", "system:authenticated"] } } },
    });
  });

  it("is told to kubectl auth whoami, which sends a review with an empty user in protobuf", async () => {
    const field = (number: number, content: string) => String.fromCharCode(number * 8 + 2, content.length) + content;
    const type = field(1, "authentication.k8s.io/v1") + field(2, "SelfSubjectReview");
    const review = field(1, "") + field(2, field(1, ""));
    const body = Buffer.from(`k8s\0${field(1, type)}${field(2, review)}`, "latin1");
    const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    expect(await ask(path, { token: server.adminToken, body })).toMatchObject({
      status: 201,
      body: { status: { userInfo: { username: "admin" } } },
    });
  });

  it.each([{ token: undefined }, { token: "no-such-token" }, { token: "a.b.c" }])(
    "is nobody with $token",
    async ({ token }) => {
      expect(await ask("/version", { token })).toEqual({
        status: 401,
        body: {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Failure",
          message: "Unauthorized",
          reason: "Unauthorized",
          code: 401,
        },
      });
    },
  );

  it("is a user from slipway user add to slipway user revoke, while the server runs", async () => {
    let kubeconfig = "";
    const output = { stdout: { write: (text: string) => (kubeconfig += text) }, stderr: process.stderr };
    await addUser({ name: "dana", groups: ["devs"], dataDir: server.dataDir }, output);
    const { token } = parse(kubeconfig).users[0].user;
    expect(await ask("/version", { token })).toMatchObject({ status: 200 });
    await revokeUser({ name: "dana", dataDir: server.dataDir }, output);
    expect(await ask("/version", { token })).toMatchObject({ status: 401 });
  });

  it("is the ServiceAccount of a token, until that is deleted", async () => {
    await admin.run(["create", "serviceaccount", "bot", "-n", "team-a"]);
    const token = await createToken("team-a", "bot", { expirationSeconds: 600 });
    expect(await ask("/api/v1/namespaces/team-a/configmaps", { token })).toMatchObject({
      status: 403,
      body: {
        message:
          'configmaps is forbidden: User "system:serviceaccount:team-a:bot" cannot list resource "configmaps" in API group "" in the namespace "team-a"',
      },
    });
    await admin.run(["delete", "serviceaccount", "bot", "-n", "team-a"]);
    expect(await ask("/version", { token })).toMatchObject({ status: 401 });
    await admin.run(["create", "serviceaccount", "bot", "-n", "team-a"]);
    expect(await ask("/version", { token })).toMatchObject({ status: 401 });
  });

  it("is not the ServiceAccount of a token for another audience", async () => {
    await admin.run(["create", "serviceaccount", "reader", "-n", "team-a"]);
    const token = await createToken("team-a", "reader", { audiences: ["vault"] });
    expect(await ask("/version", { token })).toMatchObject({ status: 401 });
  });

  it("is another user with --as, where that is allowed", async () => {
    const headers = { "impersonate-user": "bob", "impersonate-group": "ops" };
    expect(await whoAmI(server.adminToken, headers)).toMatchObject({
      body: { status: { userInfo: { username: "bob", groups: ["ops", "system:authenticated"] } } },
    });
    expect((await admin.try(["auth", "can-i", "list", "secrets", "--as", "bob"])).stdout.trim()).toBe("no");
    const { name, kubectl } = await newcomer();
    const { code, stderr } = await kubectl.try(["get", "secrets", "--as", "bob"]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `users "bob" is forbidden: User "${name}" cannot impersonate resource "users" in API group "" at the cluster scope`,
    );
  });
});

describe("what they may do", () => {
  it("is nothing at first, except to look around", async () => {
    const { name, kubectl } = await newcomer();
    const { stderr } = await kubectl.try(["get", "secrets", "-n", "team-a"]);
    expect(stderr).toContain(
      `secrets is forbidden: User "${name}" cannot list resource "secrets" in API group "" in the namespace "team-a"`,
    );
    expect((await kubectl.try(["auth", "can-i", "list", "secrets", "-n", "team-a"])).stdout.trim()).toBe("no");
    expect(await kubectl.run(["api-resources", "--api-group", "slipway.dev"])).toContain("runtimedeployments");
    const rules = await kubectl.run(["auth", "can-i", "--list", "-n", "team-a"]);
    expect(rules).toContain("selfsubjectaccessreviews.authorization.k8s.io");
    expect(rules).not.toContain("secrets");
  });

  it("is what a role says, in its namespace, from the next request to the last", async () => {
    const { name, kubectl } = await newcomer();
    const may = async (...question: string[]) => (await kubectl.try(["auth", "can-i", ...question])).stdout.trim();
    await admin.run(["create", "role", "reader", "-n", "team-a", "--verb=get,list", "--resource=configmaps"]);
    await admin.run(["create", "rolebinding", name, "-n", "team-a", "--role=reader", `--user=${name}`]);
    expect(await may("list", "configmaps", "-n", "team-a")).toBe("yes");
    expect(await may("delete", "configmaps", "-n", "team-a")).toBe("no");
    expect(await may("list", "configmaps", "-n", "team-b")).toBe("no");
    expect(await may("list", "configmaps", "-A")).toBe("no");
    await kubectl.run(["get", "configmaps", "-n", "team-a"]);
    await admin.run(["delete", "rolebinding", name, "-n", "team-a"]);
    expect((await kubectl.try(["get", "configmaps", "-n", "team-a"])).stderr).toContain("forbidden");
  });

  it("is one object where the role names it, also in a list narrowed to it", async () => {
    const { name, kubectl } = await newcomer();
    await admin.run(["create", "configmap", "mine", "-n", "team-a"]);
    await admin.run(["create", "configmap", "yours", "-n", "team-a"]);
    const rule = ["--verb=get,list", "--resource=configmaps", "--resource-name=mine"];
    await admin.run(["create", "role", name, "-n", "team-a", ...rule]);
    await admin.run(["create", "rolebinding", name, "-n", "team-a", `--role=${name}`, `--user=${name}`]);
    await kubectl.run(["get", "configmap", "mine", "-n", "team-a"]);
    expect((await kubectl.try(["get", "configmap", "yours", "-n", "team-a"])).stderr).toContain("forbidden");
    expect((await kubectl.try(["get", "configmaps", "-n", "team-a"])).stderr).toContain("forbidden");
    const narrowed = await kubectl.run([
      "get",
      "configmaps",
      "-n",
      "team-a",
      "--field-selector=metadata.name=mine",
      "-o",
      "name",
    ]);
    expect(narrowed.trim()).toBe("configmap/mine");
  });

  it("is not to create what they may change, by an apply or a replacement that finds nothing", async () => {
    const { name, kubectl } = await newcomer();
    const kinds = "--resource=configmaps,leases.coordination.k8s.io";
    await admin.run(["create", "role", name, "-n", "team-a", "--verb=get,patch,update", kinds]);
    await admin.run(["create", "rolebinding", name, "-n", "team-a", `--role=${name}`, `--user=${name}`]);
    const apply = ["apply", "--server-side", "-n", "team-a", "-f", "-"];
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data: { a: "b" } };
    const input = JSON.stringify(object);
    expect((await kubectl.try(apply, { input })).stderr).toContain(
      `configmaps "applied" is forbidden: User "${name}" cannot create resource "configmaps" in API group "" in the namespace "team-a"`,
    );
    await admin.run(apply, { input });
    await kubectl.run([...apply, "--force-conflicts"], { input: JSON.stringify({ ...object, data: { a: "c" } }) });
    const lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "put", namespace: "team-a" },
    };
    const reply = await put("/apis/coordination.k8s.io/v1/namespaces/team-a/leases/put", lease, await tokenOf(kubectl));
    expect(reply).toMatchObject({ status: 403, body: { message: expect.stringContaining("cannot create resource") } });
    expect(
      await put("/apis/coordination.k8s.io/v1/namespaces/team-a/leases/put", lease, server.adminToken),
    ).toMatchObject({ status: 201 });
  });

  it("never grows by their own hand", async () => {
    const { name, kubectl } = await newcomer();
    const kinds = "--resource=roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io";
    await admin.run(["create", "role", name, "-n", "team-a", "--verb=create,get,patch", kinds]);
    await admin.run(["create", "rolebinding", name, "-n", "team-a", `--role=${name}`, `--user=${name}`]);
    const up = await kubectl.try(["create", "role", "up", "-n", "team-a", "--verb=get", "--resource=secrets"]);
    expect(up.stderr).toContain("is attempting to grant RBAC permissions not currently held");
    const bind = await kubectl.try([
      "create",
      "rolebinding",
      "up",
      "-n",
      "team-a",
      "--clusterrole=admin",
      `--user=${name}`,
    ]);
    expect(bind.stderr).toContain("is attempting to grant RBAC permissions not currently held");
    const patch = ["--type=json", '-p=[{"op":"add","path":"/rules/0/verbs/0","value":"*"}]'];
    const widened = await kubectl.try(["patch", "role", name, "-n", "team-a", ...patch]);
    expect(widened.stderr).toContain("is attempting to grant RBAC permissions not currently held");
    await kubectl.run([
      "create",
      "role",
      "same",
      "-n",
      "team-a",
      "--verb=get",
      "--resource=roles.rbac.authorization.k8s.io",
    ]);
  });

  it("reaches what is aggregated into their role", async () => {
    const { name, kubectl } = await newcomer();
    await admin.run(["create", "rolebinding", name, "-n", "team-b", "--clusterrole=view", `--user=${name}`]);
    const may = async (...question: string[]) =>
      (await kubectl.try(["auth", "can-i", ...question, "-n", "team-b"])).stdout.trim();
    expect(await may("list", "runtimedeployments.slipway.dev")).toBe("yes");
    expect(await may("get", "runtimedeployments.slipway.dev", "--subresource=log")).toBe("yes");
    expect(await may("create", "runtimedeployments.slipway.dev")).toBe("no");
    expect(await may("list", "leases.coordination.k8s.io")).toBe("no");
    await admin.run(["create", "clusterrole", "see-leases", "--verb=list", "--resource=leases.coordination.k8s.io"]);
    await admin.run(["label", "clusterrole", "see-leases", "rbac.authorization.k8s.io/aggregate-to-view=true"]);
    await eventually("view has the rule", async () => (await may("list", "leases.coordination.k8s.io")) === "yes");
  });

  it("follows the built-in roles", async () => {
    const developer = await newcomer("developers");
    await admin.run([
      "create",
      "rolebinding",
      "developers",
      "-n",
      "team-a",
      "--clusterrole=slipway-developer",
      "--group=developers",
    ]);
    const may = async (kubectl: Kubectl, ...question: string[]) =>
      (await kubectl.try(["auth", "can-i", ...question])).stdout.trim();
    expect(await may(developer.kubectl, "create", "runtimedeployments.slipway.dev", "-n", "team-a")).toBe("yes");
    expect(await may(developer.kubectl, "create", "runtimebackends.slipway.dev")).toBe("no");
    const controller = "system:serviceaccount:slipway-system:slipway-controller";
    expect(await may(admin, "list", "secrets", "-A", "--as", controller)).toBe("yes");
    expect(await may(admin, "delete", "secrets", "-n", "team-a", "--as", controller)).toBe("no");
  });

  it.each([
    { role: "slipway-viewer", reads: true, writes: false },
    { role: "slipway-developer", reads: true, writes: false },
    { role: "slipway-approver", reads: true, writes: false },
    { role: "slipway-cluster-viewer", reads: true, writes: false },
    { role: "slipway-admin", reads: true, writes: true },
  ])("lets $role read guardrail profiles: $reads, write them: $writes", async ({ role, reads, writes }) => {
    const { name, kubectl } = await newcomer();
    await admin.run(["create", "clusterrolebinding", name, `--clusterrole=${role}`, `--user=${name}`]);
    const yes = (may: boolean) => (may ? "yes" : "no");
    const may = async (...question: string[]) => (await kubectl.try(["auth", "can-i", ...question])).stdout.trim();
    for (const verb of ["get", "list", "watch"])
      expect(await may(verb, "guardrailprofiles.slipway.dev")).toBe(yes(reads));
    for (const verb of ["create", "update", "patch", "delete", "deletecollection"])
      expect(await may(verb, "guardrailprofiles.slipway.dev")).toBe(yes(writes));
    expect(await may("patch", "guardrailprofiles.slipway.dev", "--subresource=status")).toBe("no");
  });

  it.each([
    { role: "slipway-viewer", decides: false, rules: false },
    { role: "slipway-developer", decides: false, rules: false },
    { role: "slipway-approver", decides: true, rules: false },
    { role: "slipway-admin", decides: false, rules: true },
    { role: "edit", decides: false, rules: false },
    { role: "admin", decides: false, rules: true },
  ])("lets $role write approvals: $decides, and policies: $rules", async ({ role, decides, rules }) => {
    const { name, kubectl } = await newcomer();
    await admin.run(["create", "clusterrolebinding", name, `--clusterrole=${role}`, `--user=${name}`]);
    const may = async (...question: string[]) => (await kubectl.try(["auth", "can-i", ...question])).stdout.trim();
    for (const verb of ["get", "list", "watch"]) {
      expect(await may(verb, "approvals.slipway.dev")).toBe("yes");
      expect(await may(verb, "approvalpolicies.slipway.dev")).toBe("yes");
    }
    for (const verb of ["update", "patch"])
      expect(await may(verb, "approvals.slipway.dev")).toBe(decides ? "yes" : "no");
    for (const verb of ["create", "delete"]) expect(await may(verb, "approvals.slipway.dev")).toBe("no");
    expect(await may("patch", "approvals.slipway.dev", "--subresource=status")).toBe("no");
    for (const verb of ["create", "patch", "delete"])
      expect(await may(verb, "approvalpolicies.slipway.dev")).toBe(rules ? "yes" : "no");
  });

  it("tells a developer of one namespace its bound, and cannot let them move it", async () => {
    const { name, kubectl } = await newcomer();
    await admin.run([
      "create",
      "rolebinding",
      name,
      "-n",
      "team-a",
      "--clusterrole=slipway-developer",
      `--user=${name}`,
    ]);
    expect(await kubectl.run(["get", "namespace", "team-a", "-o", "name"])).toBe("namespace/team-a\n");
    expect((await kubectl.try(["get", "namespace", "team-b"])).stderr).toContain("forbidden");
    const label = ["label", "namespace", "team-a", "slipway.dev/guardrails-bound=unrestricted"];
    expect((await kubectl.try(label)).stderr).toContain("forbidden");
  });

  it("lets the controller write the profiles that ship with it, and no other", async () => {
    const controller = "system:serviceaccount:slipway-system:slipway-controller";
    const may = async (verb: string, what: string, ...more: string[]) =>
      (await admin.try(["auth", "can-i", verb, what, ...more, "--as", controller])).stdout.trim();
    for (const verb of ["create", "patch"]) {
      expect(await may(verb, "guardrailprofiles.slipway.dev/standard")).toBe("yes");
      expect(await may(verb, "guardrailprofiles.slipway.dev/mine")).toBe("no");
      expect(await may(verb, "guardrailprofiles.slipway.dev")).toBe("no");
    }
    expect(await may("delete", "guardrailprofiles.slipway.dev/standard")).toBe("no");
    expect(await may("patch", "guardrailprofiles.slipway.dev/mine", "--subresource=status")).toBe("yes");
    expect(await may("watch", "namespaces")).toBe("yes");
    const apply = ["apply", "--server-side", "--as", controller, "-f", "-"];
    const profile = (name: string) => ({
      input: JSON.stringify({
        apiVersion: "slipway.dev/v1alpha1",
        kind: "GuardrailProfile",
        metadata: { name },
        spec: {},
      }),
    });
    expect(await admin.run(apply, profile("standard"))).toContain("serverside-applied");
    expect((await admin.try(apply, profile("mine"))).stderr).toContain('cannot patch resource "guardrailprofiles"');
  });
});

describe("a restart", () => {
  it("keeps users, tokens and roles, and writes none of them anew", async () => {
    const { kubectl } = await newcomer();
    const userToken = await tokenOf(kubectl);
    await admin.run(["create", "serviceaccount", "stays", "-n", "team-b"]);
    const token = await createToken("team-b", "stays");
    const roles = () => admin.run(["get", "clusterroles,clusterrolebindings,roles,rolebindings", "-A", "-o", "json"]);
    const before = await roles();
    await server.close();
    const { dataDir, ...stopped } = server;
    server = await startTestApiServer({ dataDir });
    try {
      admin = new Kubectl(server.kubeconfig);
      expect(await ask("/version", { token })).toMatchObject({ status: 200 });
      expect(await ask("/version", { token: userToken })).toMatchObject({ status: 200 });
      expect(JSON.parse(await roles()).items).toEqual(JSON.parse(before).items);
    } finally {
      await server.close();
      server = { ...stopped, dataDir };
    }
  });
});
