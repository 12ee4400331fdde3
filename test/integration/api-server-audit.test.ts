import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { AuditEvent } from "../../src/server/observe/audit-event.ts";
import { ApiCaller } from "../support/api-caller.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { Kubectl } from "../support/kubectl.ts";

const SECRET = "hunter2-hunter2";

describe("what the API server tells of its requests", () => {
  let api: TestApiServer;
  let kubectl: Kubectl;
  let reader: Kubectl;
  let events: AuditEvent[];

  beforeAll(async () => {
    api = await startTestApiServer({ audit: (event) => events.push(event) });
    kubectl = new Kubectl(api.kubeconfig);
    reader = new Kubectl(await api.addUser("reader"));
  }, 60_000);
  beforeEach(() => {
    events = [];
  });
  afterAll(async () => {
    await api[Symbol.asyncDispose]();
  });

  const told = (verb: string) => events.filter((event) => event.verb === verb);

  it("names who made what, and nothing of what is in it", async () => {
    await kubectl.run(["create", "secret", "generic", "s", `--from-literal=password=${SECRET}`]);
    expect(told("create")).toEqual([
      {
        kind: "Event",
        apiVersion: "audit.k8s.io/v1",
        level: "Metadata",
        stage: "ResponseComplete",
        auditID: expect.stringMatching(/^[-0-9a-f]{36}$/),
        requestURI: expect.stringMatching(/^\/api\/v1\/namespaces\/default\/secrets\?/),
        verb: "create",
        user: { username: "admin", uid: expect.any(String), groups: expect.arrayContaining(["system:masters"]) },
        sourceIPs: ["127.0.0.1"],
        userAgent: expect.stringMatching(/^kubectl\//),
        objectRef: { resource: "secrets", namespace: "default", name: "s", apiVersion: "v1" },
        responseStatus: { metadata: {}, code: 201 },
        requestReceivedTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z$/),
        stageTimestamp: expect.any(String),
      },
    ]);
    expect(JSON.stringify(events)).not.toContain(SECRET);
    expect(JSON.stringify(events)).not.toContain(Buffer.from(SECRET).toString("base64"));
  });

  it("tells of an attempt to restore a backup, which is no resource", async () => {
    await using caller = new ApiCaller(api);
    expect((await caller.call("POST", "/-/restore", {})).status).toBe(415);
    expect(told("post")).toMatchObject([{ requestURI: "/-/restore", responseStatus: { code: 415 } }]);
  });

  it.each([
    { because: "a patch", args: ["label", "namespace", "default", "a=b"], verb: "patch", code: 200 },
    { because: "a new account", args: ["create", "serviceaccount", "robot"], verb: "create", code: 201 },
    { because: "a token of it", args: ["create", "token", "robot"], verb: "create", code: 201 },
    { because: "a deletion", args: ["delete", "secret", "s"], verb: "delete", code: 200 },
  ])("tells of $because", async ({ args, verb, code }) => {
    await kubectl.run(args);
    expect(told(verb)).toMatchObject([{ responseStatus: { code } }]);
  });

  it("gives the name that the server made up", async () => {
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "made-" } };
    const name = await kubectl.run(["create", "-f", "-", "-o", "jsonpath={.metadata.name}"], {
      input: JSON.stringify(object),
    });
    expect(told("create")).toMatchObject([{ objectRef: { resource: "configmaps", name } }]);
  });

  it("takes no other name for that of the object", async () => {
    const metadata = { name: "forged", labels: { app: "x" } };
    const spec = {
      template: { metadata, spec: { containers: [{ name: "main", image: "x" }] } },
      selector: { matchLabels: { app: "x" } },
      replicas: 0,
    };
    const object = {
      spec,
      metadata: { namespace: "default", name: "real" },
      kind: "Deployment",
      apiVersion: "apps/v1",
    };
    await kubectl.run(["create", "--raw", "/apis/apps/v1/namespaces/default/deployments", "-f", "-"], {
      input: JSON.stringify(object),
    });
    expect(told("create")).toMatchObject([{ objectRef: { resource: "deployments", name: "real" } }]);
  });

  it("tells of attempts that were refused, reads too", async () => {
    await reader.try(["get", "secrets"]);
    expect(told("list")).toMatchObject([
      { user: { username: "reader" }, objectRef: { resource: "secrets" }, responseStatus: { code: 403 } },
    ]);
  });

  it("names both who acts and as whom", async () => {
    await kubectl.run(["create", "configmap", "as", "--as", "bob", "--as-group", "system:masters"]);
    expect(told("create")).toMatchObject([
      { user: { username: "admin" }, impersonatedUser: { username: "bob", groups: expect.any(Array) } },
    ]);
  });

  it("leaves out reads, reviews, leases and events", async () => {
    await kubectl.run(["get", "configmaps"]);
    await kubectl.run(["auth", "can-i", "get", "pods"]);
    const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "l" } };
    await kubectl.apply(lease);
    expect(events).toEqual([]);
  });

  it("counts requests under the names of kube-apiserver, and tells only who may ask", async () => {
    await kubectl.run(["get", "configmaps"]);
    const metrics = await kubectl.run(["get", "--raw", "/metrics"]);
    expect(metrics).toMatch(
      /^apiserver_request_total\{verb="LIST",group="",resource="configmaps",subresource="",code="200"\} [1-9]/m,
    );
    expect(metrics).toMatch(
      /^apiserver_request_duration_seconds_count\{verb="LIST",group="",resource="configmaps",subresource=""\} [1-9]/m,
    );
    expect(metrics).toMatch(/^apiserver_current_inflight_requests \d/m);
    expect(metrics).toMatch(/^apiserver_storage_objects\{resource="configmaps"\} [1-9]/m);
    expect((await reader.try(["get", "--raw", "/metrics"])).stderr).toContain("Forbidden");
  });

  it("makes no series of what strangers write", async () => {
    for (const path of ["/apis/no.such.group/v1/things", "/api/v1/widgets", "/wp-login.php"])
      await kubectl.try(["get", "--raw", path]);
    const metrics = await kubectl.run(["get", "--raw", "/metrics"]);
    expect(metrics).not.toMatch(/no\.such\.group|widgets|wp-login/);
    expect(metrics).toMatch(/verb="OTHER",group="",resource="",subresource="",code="404"/);
  });
});
