import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { CustomResourceDefinition } from "../../src/api/custom-resource-definition.ts";
import type { AuditEvent } from "../../src/server/observe/audit-event.ts";
import { ApiCaller } from "../support/api-caller.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
import { Kubectl } from "../support/kubectl.ts";
import {
  allow,
  deny,
  patchOf,
  startWebhookServer,
  type WebhookAnswer,
  type WebhookServer,
} from "../support/webhook-server.ts";

/** What the API server asks real webhooks, and what becomes of their answers. */

jest.setTimeout(40_000);

interface Found {
  readonly kind: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: object;
  readonly data?: Record<string, string>;
  readonly spec?: { readonly replicas?: number };
  readonly items?: readonly Found[];
  readonly metadata: {
    readonly name: string;
    readonly generation?: number;
    readonly labels?: Record<string, string>;
    readonly managedFields?: readonly { manager: string; fieldsV1: object }[];
  };
}

const REGISTRATION = "/apis/admissionregistration.k8s.io/v1";
const MUTATING = `${REGISTRATION}/mutatingwebhookconfigurations`;
const VALIDATING = `${REGISTRATION}/validatingwebhookconfigurations`;
const HOOK = "hook.example.com";

let api: TestApiServer;
let caller: ApiCaller;
let hook: WebhookServer;
let count = 0;
const audited: AuditEvent[] = [];
let namespace: string;
let configMaps: string;

beforeAll(async () => {
  api = await startTestApiServer({ crds: [widgets], audit: (event) => audited.push(event) });
  caller = new ApiCaller(api);
  hook = await startWebhookServer();
});
afterAll(async () => {
  await hook[Symbol.asyncDispose]();
  await caller[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

beforeEach(async () => {
  count += 1;
  namespace = `hooks-${count}`;
  configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
  await send("POST", "/api/v1/namespaces", { metadata: { name: namespace, labels: { team: "a" } } });
});
afterEach(async () => {
  await send("DELETE", MUTATING);
  await send("DELETE", VALIDATING);
  hook.handler = allow;
  hook.requests.length = 0;
  audited.length = 0;
});

const widgets: CustomResourceDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.com" } as CustomResourceDefinition["metadata"],
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: ["v1", "v2"].map((name) => ({
      name,
      served: true,
      storage: name === "v1",
      subresources: {
        status: {},
        scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
      },
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: {
            spec: {
              type: "object",
              properties: {
                replicas: { type: "integer", maximum: 10 },
                color: { type: "string", default: "red" },
                nested: { type: "object", properties: { size: { type: "integer", default: 3 } } },
              },
            },
            status: { type: "object", properties: { replicas: { type: "integer" } } },
          },
        },
      },
    })),
  },
};

function send(method: string, path: string, body?: unknown) {
  return caller.call<Found>(method, path, body);
}

const configMapRule = { apiGroups: [""], apiVersions: ["v1"], operations: ["*"], resources: ["configmaps"] };

function webhook(change: object = {}): object {
  return {
    name: HOOK,
    clientConfig: { url: `https://${hook.host}/review`, caBundle: hook.caBundle },
    rules: [configMapRule],
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    ...change,
  };
}

async function register(path: string, ...webhooks: object[]): Promise<void> {
  await registerAs("config", path, ...webhooks);
}

async function registerAs(name: string, path: string, ...webhooks: object[]): Promise<void> {
  const { status, body } = await send("POST", path, { metadata: { name }, webhooks });
  if (status !== 201) throw new Error(`not registered: ${body.message}`);
}

const create = (name: string, more: object = {}) => send("POST", configMaps, { metadata: { name }, ...more });

/** The answer to a create of `a` under one validating webhook that answers so. */
async function under(answer: WebhookAnswer, change: object = {}) {
  hook.handler = () => answer;
  await register(VALIDATING, webhook(change));
  return create("a");
}

const addLabel = (key: string, value: string) => ({ op: "add", path: `/metadata/labels/${key}`, value });
const labelled = { metadata: { name: "a", labels: { a: "1" } } };

describe("a configuration", () => {
  it("is defaulted, and counts its generation by its webhooks", async () => {
    await register(MUTATING, webhook({ clientConfig: { service: { namespace: "default", name: "x" } } }));
    const { body } = await send("GET", `${MUTATING}/config`);
    expect(body).toMatchObject({
      metadata: { generation: 1 },
      webhooks: [
        {
          clientConfig: { service: { namespace: "default", name: "x", port: 443 } },
          failurePolicy: "Fail",
          matchPolicy: "Equivalent",
          namespaceSelector: {},
          objectSelector: {},
          reinvocationPolicy: "Never",
          rules: [{ ...configMapRule, scope: "*" }],
          timeoutSeconds: 10,
        },
      ],
    });
    const patch = (change: object) => caller.patch<Found>("merge", `${MUTATING}/config`, change);
    expect((await patch({ metadata: { labels: { a: "b" } } })).body.metadata.generation).toBe(1);
    expect((await patch({ webhooks: [] })).body.metadata.generation).toBe(2);
  });

  it("holds from the moment that it is acknowledged, changed and deleted", async () => {
    hook.handler = () => deny("no");
    expect((await create("before")).status).toBe(201);
    await register(VALIDATING, webhook());
    expect((await create("a")).status).toBe(400);
    await caller.patch("json", `${VALIDATING}/config`, [
      { op: "replace", path: "/webhooks/0/rules/0/operations", value: ["DELETE"] },
    ]);
    expect((await create("a")).status).toBe(201);
    await send("DELETE", `${VALIDATING}/config`);
    expect((await send("DELETE", `${configMaps}/a`)).status).toBe(200);
  });

  it("is itself sent to no webhook", async () => {
    const everything = { apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*/*"] };
    await register(VALIDATING, webhook({ rules: [everything] }));
    hook.handler = () => deny("no");
    expect((await send("POST", MUTATING, { metadata: { name: "b" } })).status).toBe(201);
    expect((await send("DELETE", `${VALIDATING}/config`)).status).toBe(200);
    expect(hook.requests).toEqual([]);
  });
});

describe("a validating webhook", () => {
  it("is asked what an AdmissionReview says", async () => {
    await register(VALIDATING, webhook());
    await create("a", { data: { x: "1" } });
    const kind = { group: "", version: "v1", kind: "ConfigMap" };
    const resource = { group: "", version: "v1", resource: "configmaps" };
    expect(hook.requests).toEqual([
      {
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        ...{ kind, resource, requestKind: kind, requestResource: resource },
        ...{ name: "a", namespace, operation: "CREATE", dryRun: false },
        userInfo: expect.objectContaining({
          username: "admin",
          groups: expect.arrayContaining(["system:masters", "system:authenticated"]),
        }),
        object: expect.objectContaining({ apiVersion: "v1", kind: "ConfigMap", data: { x: "1" } }),
        oldObject: null,
        options: expect.objectContaining({ kind: "CreateOptions", apiVersion: "meta.k8s.io/v1" }),
      },
    ]);
  });

  it.each<{ how: string; write: () => Promise<{ status: number }>; operation: string; want: object }>([
    {
      how: "PUT",
      write: () => send("PUT", `${configMaps}/a`, { metadata: { name: "a" }, data: { x: "2" } }),
      operation: "UPDATE",
      want: { object: { data: { x: "2" } }, oldObject: { data: { x: "1" } }, options: { kind: "UpdateOptions" } },
    },
    {
      how: "a merge patch",
      write: () => caller.patch("merge", `${configMaps}/a`, { data: { x: "3" } }),
      operation: "UPDATE",
      want: { object: { data: { x: "3" } }, oldObject: { data: { x: "1" } } },
    },
    {
      how: "server-side apply",
      write: () =>
        caller.patch("apply", `${configMaps}/a?fieldManager=m&force=true`, {
          ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } },
          data: { x: "4" },
        }),
      operation: "UPDATE",
      want: { object: { data: { x: "4" } }, options: { fieldManager: "m" } },
    },
    {
      how: "server-side apply of what is not there",
      write: () =>
        caller.patch("apply", `${configMaps}/b?fieldManager=m`, {
          ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "b" } },
        }),
      operation: "CREATE",
      want: { name: "b", oldObject: null },
    },
    {
      how: "DELETE",
      write: () => send("DELETE", `${configMaps}/a`, { propagationPolicy: "Background" }),
      operation: "DELETE",
      want: {
        ...{ object: null, oldObject: { data: { x: "1" } } },
        options: { kind: "DeleteOptions", propagationPolicy: "Background" },
      },
    },
    {
      how: "deletecollection, for each object, which the request does not name,",
      write: () => send("DELETE", configMaps),
      operation: "DELETE",
      want: { object: null, oldObject: { metadata: { name: "a" } } },
    },
  ])("is asked about $how", async ({ write, operation, want }) => {
    await create("a", { data: { x: "1" } });
    await register(VALIDATING, webhook());
    expect((await write()).status).toBeLessThan(300);
    expect(hook.requests).toMatchObject([{ operation, namespace, ...want }]);
  });

  it.each<{ because: string; status: object | undefined; want: object }>([
    {
      because: "a message alone is a bad request",
      status: { message: "not on Fridays" },
      want: { code: 400, message: `admission webhook "${HOOK}" denied the request: not on Fridays` },
    },
    {
      because: "code, reason and details are the webhook's",
      status: { message: "no", code: 409, reason: "Conflict", details: { name: "x", causes: [{ field: "a" }] } },
      want: {
        ...{ code: 409, reason: "Conflict", details: { name: "x", causes: [{ field: "a" }] } },
        message: `admission webhook "${HOOK}" denied the request: no`,
      },
    },
    {
      because: "a reason stands in for a message",
      status: { reason: "Because" },
      want: { code: 400, reason: "Because", message: `admission webhook "${HOOK}" denied the request: Because` },
    },
    {
      because: "nothing needs to be said",
      status: undefined,
      want: { code: 400, message: `admission webhook "${HOOK}" denied the request without explanation` },
    },
    {
      because: "a refusal is never a success",
      status: { code: 200, message: "no" },
      want: { code: 400, status: "Failure" },
    },
  ])("denies: $because", async ({ status, want }) => {
    const { status: code, body } = await under({ response: { allowed: false, ...(status && { status }) } });
    expect(body).toMatchObject({ kind: "Status", ...want });
    expect(code).toBe(body.code);
    expect((await send("GET", `${configMaps}/a`)).status).toBe(404);
  });

  it("warns, bounded", async () => {
    const said = await under({ response: { allowed: true, warnings: ['a "quoted" one', "two"] } });
    expect(said).toMatchObject({ status: 201, warnings: ['a "quoted" one', "two"] });
    hook.handler = () => ({
      response: { allowed: true, warnings: Array.from({ length: 500 }, (_, n) => `${n} ${"x".repeat(500)}`) },
    });
    const { warnings } = await create("b");
    expect(warnings.join("").length).toBeLessThanOrEqual(4096);
    expect(warnings[0]?.length).toBe(256);
  });

  it("runs beside others, of which the first refusal in their order counts", async () => {
    hook.handler = async (_, path) => {
      if (path.startsWith("/slow")) await new Promise((resolve) => setTimeout(resolve, 300));
      return deny(path.split("?")[0] as string);
    };
    const at = (path: string) => ({ url: `https://${hook.host}/${path}`, caBundle: hook.caBundle });
    await registerAs("b", VALIDATING, webhook({ name: "quick.example.com", clientConfig: at("quick") }));
    await registerAs("a", VALIDATING, webhook({ name: "slow.example.com", clientConfig: at("slow") }));
    expect((await create("a")).body.message).toBe('admission webhook "slow.example.com" denied the request: /slow');
    expect(hook.requests).toHaveLength(2);
  });

  it("sees what mutating ones made, and what the schema added", async () => {
    const widget = `/apis/example.com/v1/namespaces/${namespace}/widgets`;
    const rules = [{ ...configMapRule, apiGroups: ["example.com"], resources: ["widgets"] }];
    hook.handler = (_, path) =>
      path.startsWith("/mutate") ? patchOf({ op: "add", path: "/spec/nested", value: { unknown: 1 } }) : deny("seen");
    const clientConfig = { url: `https://${hook.host}/mutate`, caBundle: hook.caBundle };
    await register(MUTATING, webhook({ rules, clientConfig }));
    await register(VALIDATING, webhook({ rules }));
    await send("POST", widget, {
      ...{ apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "a" }, spec: {} },
    });
    expect(hook.requests.map(({ object }) => object?.spec)).toEqual([
      { color: "red" },
      { color: "red", nested: { size: 3 } },
    ]);
  });
});

describe("a call that fails", () => {
  const failing = (because: string) =>
    `Internal error occurred: failed calling webhook "${HOOK}": failed to call webhook: ${because}`;
  const invalid = (because: string) =>
    `Internal error occurred: failed calling webhook "${HOOK}": received invalid webhook response: ${because}`;
  const review = (response: unknown, type = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" }) => ({
    raw: JSON.stringify({ ...type, response }),
  });

  it.each<{ because: string; answer: WebhookAnswer; want: string | RegExp }>([
    {
      because: "garbage",
      answer: { raw: "garbage" },
      want: /failed to call webhook: couldn't get version\/kind; json/,
    },
    { because: "nothing", answer: { raw: "" }, want: /failed to call webhook: couldn't get version\/kind; json/ },
    {
      because: "an error",
      answer: { raw: "it broke\n", status: 500 },
      want: failing('an error on the server ("it broke") has prevented the request from succeeding'),
    },
    {
      because: "no such path",
      answer: { raw: "", status: 404 },
      want: failing("the server could not find the requested resource"),
    },
    { because: "a redirect", answer: { raw: "", status: 302 }, want: /the server responded with the status code 302/ },
    { because: "no response", answer: review(undefined), want: invalid("webhook response was absent") },
    {
      because: "another uid",
      answer: review({ uid: "1", allowed: true }),
      want: /^Internal error.*: expected response.uid="[0-9a-f-]{36}", got "1"$/,
    },
    {
      because: "a patch of a validating webhook",
      answer: patchOf({ op: "remove", path: "/data" }),
      want: invalid("validating webhook may not return response.patch"),
    },
    {
      because: "a text for a boolean",
      answer: { response: { allowed: "yes" } },
      want: failing("json: cannot unmarshal field AdmissionResponse.response.allowed of type boolean"),
    },
    {
      because: "4 MB",
      answer: { raw: JSON.stringify("x".repeat(4 * 1024 * 1024)) },
      want: /response body is larger than 3145728 bytes/,
    },
  ])("refuses the write: $because", async ({ answer, want }) => {
    const { status, body } = await under(answer);
    expect({ status, reason: body.reason }).toEqual({ status: 500, reason: "InternalError" });
    if (typeof want === "string") expect(body.message).toBe(want);
    else expect(body.message).toMatch(want);
  });

  it("lets the write through under Ignore, but no denial", async () => {
    expect((await under({ raw: "garbage" }, { failurePolicy: "Ignore" })).status).toBe(201);
    hook.handler = () => deny("no");
    expect((await create("b")).status).toBe(400);
  });

  it("ends at the webhook's timeout", async () => {
    const started = performance.now();
    const { body } = await under("silence", { timeoutSeconds: 1 });
    expect(body.message).toBe(failing(`Post "https://${hook.host}/review?timeout=1s": context deadline exceeded`));
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it("is one that nobody answers", async () => {
    const gone = await startWebhookServer();
    await gone[Symbol.asyncDispose]();
    const clientConfig = { url: `https://${gone.host}/`, caBundle: gone.caBundle };
    const { body } = await under("silence", { clientConfig });
    expect(body.message).toBe(
      failing(`Post "https://${gone.host}/?timeout=10s": dial tcp ${gone.host}: connect: connection refused`),
    );
  });

  it.each([
    { because: "another authority", names: ["127.0.0.1"], want: "certificate signed by unknown authority", own: false },
    { because: "another name", names: ["example.com"], want: "certificate is not valid for 127.0.0.1", own: true },
  ])("is one whose certificate is of $because", async ({ names, want, own }) => {
    await using other = await startWebhookServer(names);
    const caBundle = own ? other.caBundle : hook.caBundle;
    const { body } = await under("silence", { clientConfig: { url: `https://${other.host}`, caBundle } });
    expect(body.message).toContain(`tls: failed to verify certificate: x509: ${want}`);
    expect(other.requests).toEqual([]);
  });

  it("is one whose authorities cannot be read, or are not given", async () => {
    await register(VALIDATING, webhook({ clientConfig: { url: `https://${hook.host}`, caBundle: "Cg==" } }));
    expect((await create("a")).body.message).toContain("unable to load root certificates");
    await caller.patch("json", `${VALIDATING}/config`, [{ op: "remove", path: "/webhooks/0/clientConfig/caBundle" }]);
    expect((await create("a")).body.message).toContain("certificate signed by unknown authority");
    expect(hook.requests).toEqual([]);
  });
});

describe("a webhook behind a service", () => {
  const service = (spec: object) =>
    send("POST", `/api/v1/namespaces/${namespace}/services`, { metadata: { name: "hook" }, spec });

  it("is called where the service leads, by the service's name", async () => {
    await using named = await startWebhookServer([`hook.${namespace}.svc`]);
    const clientConfig = {
      service: { namespace, name: "hook", path: "/x", port: named.port },
      caBundle: named.caBundle,
    };
    named.handler = (_, path) => deny(path);
    await register(VALIDATING, webhook({ clientConfig }));
    const call = `failed to call webhook: `;
    expect((await create("a")).body.message).toContain(`${call}service "hook" not found`);
    await service({ ports: [{ port: 443 }] });
    expect((await create("a")).body.message).toContain(
      `${call}service "hook" has no address that this server can reach`,
    );
    await send("DELETE", `/api/v1/namespaces/${namespace}/services/hook`);
    await service({ type: "ExternalName", externalName: "localhost" });
    expect((await create("a")).body.message).toBe(`admission webhook "${HOOK}" denied the request: /x?timeout=10s`);
  });
});

describe("a mutating webhook", () => {
  it("changes what is stored, and owns nothing of it", async () => {
    hook.handler = () => patchOf(addLabel("b", "2"));
    await register(MUTATING, webhook());
    const { body } = await caller.patch<Found>("apply", `${configMaps}/a?fieldManager=m`, {
      ...{ apiVersion: "v1", kind: "ConfigMap" },
      ...labelled,
    });
    expect(body.metadata.labels).toEqual({ a: "1", b: "2" });
    expect(JSON.stringify(body.metadata.managedFields)).not.toContain("f:b");
    const created = await create("b", { metadata: { ...labelled.metadata, name: "b" } });
    expect(created.body.metadata.labels).toEqual({ a: "1", b: "2" });
    expect(JSON.stringify(created.body.metadata.managedFields)).toContain("f:a");
    expect(JSON.stringify(created.body.metadata.managedFields)).not.toContain("f:b");
    const updated = await caller.patch<Found>("merge", `${configMaps}/b`, { data: { x: "1" } });
    expect(JSON.stringify(updated.body.metadata.managedFields)).not.toContain("f:b");
  });

  it("sees who owns which field, the one who writes included", async () => {
    const clientConfig = { url: `https://${hook.host}/mutate`, caBundle: hook.caBundle };
    await register(MUTATING, webhook({ clientConfig }));
    await register(VALIDATING, webhook());
    hook.handler = (_, path) =>
      path.startsWith("/mutate") ? patchOf(addLabel("b", "2")) : { response: { allowed: true } };
    await send("POST", `${configMaps}?fieldManager=maker`, labelled);
    await send("PUT", `${configMaps}/a?fieldManager=changer`, { ...labelled, data: { x: "1" } });
    const owned = (object: unknown) =>
      (object as Found | null)?.metadata.managedFields?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]);
    const maker = ["maker", { "f:metadata": { "f:labels": { ".": {}, "f:a": {} } } }];
    const changer = ["changer", { "f:data": { ".": {}, "f:x": {} } }];
    const sorted = [changer, maker].sort();
    expect(hook.requests.map(({ object, oldObject }) => [owned(object)?.sort(), owned(oldObject)])).toEqual([
      [[maker], undefined],
      [[maker], undefined],
      [sorted, [maker]],
      [sorted, [maker]],
    ]);
  });

  it("is called in the order of names, and sees what those before it did", async () => {
    hook.handler = ({ object }, path) => {
      const { labels } = (object as unknown as Found).metadata;
      return patchOf(addLabel("order", `${labels?.order ?? ""}${path.slice(1, 2)}`));
    };
    const at = (path: string) => ({ url: `https://${hook.host}/${path}`, caBundle: hook.caBundle });
    await registerAs("b", MUTATING, webhook({ clientConfig: at("3") }));
    await registerAs(
      "a",
      MUTATING,
      webhook({ clientConfig: at("1") }),
      webhook({ name: "second.example.com", clientConfig: at("2") }),
    );
    expect((await create("a", labelled)).body.metadata.labels).toEqual({ a: "1", order: "123" });
  });

  it.each([
    { policy: "IfNeeded", changes: true, want: ["first", "second", "first"] },
    { policy: "IfNeeded", changes: false, want: ["first", "second"] },
    { policy: "Never", changes: true, want: ["first", "second"] },
  ])("with $policy is called again: a later one changes the object: $changes", async ({ policy, changes, want }) => {
    const called: string[] = [];
    hook.handler = (_, path) => {
      called.push(path.slice(1).split("?")[0] as string);
      return path.startsWith("/second") && changes ? patchOf(addLabel("b", "2")) : { response: { allowed: true } };
    };
    const at = (path: string) => ({ url: `https://${hook.host}/${path}`, caBundle: hook.caBundle });
    await register(
      MUTATING,
      webhook({ clientConfig: at("first"), reinvocationPolicy: policy }),
      webhook({ name: "second.example.com", clientConfig: at("second"), reinvocationPolicy: policy }),
    );
    await create("a", labelled);
    expect(called).toEqual(want);
  });

  it.each<{ because: string; answer: WebhookAnswer; want: string }>([
    {
      because: "a patch that leads nowhere",
      answer: patchOf({ op: "remove", path: "/data/nothing" }),
      want: `Internal error occurred: patch of admission webhook "${HOOK}" cannot be applied`,
    },
    {
      because: "an object of another kind",
      answer: patchOf({ op: "replace", path: "/kind", value: "Secret" }),
      want: `Internal error occurred: patch of admission webhook "${HOOK}" cannot be applied`,
    },
    {
      because: "a field of another type",
      answer: patchOf({ op: "add", path: "/data", value: { x: 1 } }),
      want: `Internal error occurred: patch of admission webhook "${HOOK}" cannot be applied`,
    },
    {
      because: "an object that is not valid",
      answer: patchOf({ op: "add", path: "/metadata/labels", value: { "": "x" } }),
      want: 'ConfigMap "a" is invalid: [metadata.labels: Invalid value',
    },
    {
      because: "a patch whose test fails",
      answer: patchOf({ op: "test", path: "/metadata/name", value: "b" }),
      want: "cannot be applied",
    },
    {
      because: "a patch without its type",
      answer: { response: { allowed: true, patch: "W10=" } },
      want: "webhook returned response.patch but not response.patchType",
    },
    {
      because: "a patch that is no JSON",
      answer: { response: { allowed: true, patch: "e3g=", patchType: "JSONPatch" } },
      want: `failed calling webhook "${HOOK}": received undecodable patch in webhook response: `,
    },
    {
      because: "a type of patch that there is not",
      answer: { response: { allowed: true, patch: "W10=", patchType: "MergePatch" } },
      want: `failed calling webhook "${HOOK}": unsupported patch type "MergePatch"`,
    },
  ])("refuses $because", async ({ answer, want }) => {
    hook.handler = () => answer;
    await register(MUTATING, webhook());
    const { body, status } = await create("a");
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body.message).toContain(want);
  });

  it("changes no deletion", async () => {
    await create("a");
    hook.handler = () => patchOf(addLabel("b", "2"));
    await register(MUTATING, webhook());
    expect((await send("DELETE", `${configMaps}/a`)).body.message).toContain(
      "attempted to modify the object, which is not supported for this operation",
    );
  });

  it("makes nothing immutable change", async () => {
    await create("a");
    hook.handler = () => patchOf({ op: "replace", path: "/metadata/uid", value: "other" });
    await register(MUTATING, webhook());
    const { body } = await caller.patch<Found>("merge", `${configMaps}/a`, { data: { x: "1" } });
    expect(body.message).toContain("metadata.uid: Invalid value");
  });

  it("may write the object that it is asked about, and the write begins anew", async () => {
    await create("a", { data: { n: "0" } });
    let writes = 0;
    hook.handler = async ({ object }) => {
      if (object?.data && "user" in (object.data as object) && writes++ === 0) {
        await caller.patch("merge", `${configMaps}/a`, { data: { hook: "1" } });
      }
      return { response: { allowed: true } };
    };
    await register(MUTATING, webhook());
    const { body, status } = await caller.patch<Found>("merge", `${configMaps}/a`, { data: { user: "1" } });
    expect({ status, data: body.data }).toEqual({ status: 200, data: { n: "0", hook: "1", user: "1" } });
  });
});

describe("a dry run", () => {
  it("is said to webhooks", async () => {
    await register(VALIDATING, webhook({ sideEffects: "NoneOnDryRun" }));
    expect((await send("POST", `${configMaps}?dryRun=All`, { metadata: { name: "a" } })).status).toBe(201);
    expect(hook.requests).toMatchObject([{ dryRun: true, options: { dryRun: ["All"] } }]);
  });
});

describe("a webhook that is concerned", () => {
  it.each<{ because: string; change: object; want: boolean }>([
    { because: "its namespace is selected", change: { namespaceSelector: { matchLabels: { team: "a" } } }, want: true },
    { because: "another is", change: { namespaceSelector: { matchLabels: { team: "b" } } }, want: false },
    { because: "its object is selected", change: { objectSelector: { matchLabels: { a: "1" } } }, want: true },
    { because: "another is", change: { objectSelector: { matchLabels: { a: "2" } } }, want: false },
    { because: "a condition holds", change: condition("object.metadata.name == 'a'"), want: true },
    { because: "a condition does not", change: condition("object.metadata.name == 'b'"), want: false },
    {
      because: "of two one does not",
      change: condition("object.x == 1", "request.operation == 'DELETE'"),
      want: false,
    },
    { because: "a condition knows the user", change: condition("request.userInfo.username == 'admin'"), want: true },
    {
      because: "a condition asks what the user may do",
      change: condition("!authorizer.group('').resource('secrets').namespace('x').check('get').allowed()"),
      want: false,
    },
    {
      because: "a condition asks of the very resource",
      change: condition("authorizer.requestResource.check('create').allowed()"),
      want: true,
    },
  ])("$because: $want", async ({ change, want }) => {
    await register(VALIDATING, webhook(change));
    await create("a", labelled);
    expect(hook.requests.length).toBe(want ? 1 : 0);
  });

  it("fails with its conditions by its failure policy", async () => {
    await register(VALIDATING, webhook(condition("object.data.missing == 'x'")));
    expect((await create("a", { data: { x: "1" } })).body).toMatchObject({
      ...{ code: 403, reason: "Forbidden" },
      message: expect.stringContaining(
        "configmaps \"a\" is forbidden: expression 'object.data.missing == 'x'' resulted in error: no such key",
      ),
    });
    await caller.patch("json", `${VALIDATING}/config`, [
      { op: "replace", path: "/webhooks/0/failurePolicy", value: "Ignore" },
    ]);
    expect((await create("a", { data: { x: "1" } })).status).toBe(201);
    expect(hook.requests).toEqual([]);
  });

  it("judges a namespace by its own labels", async () => {
    const rules = [{ ...configMapRule, operations: ["CREATE", "UPDATE"], resources: ["namespaces"] }];
    await register(VALIDATING, webhook({ rules, namespaceSelector: { matchLabels: { wanted: "yes" } } }));
    await send("POST", "/api/v1/namespaces", { metadata: { name: `${namespace}-b` } });
    expect(hook.requests).toEqual([]);
    await caller.patch("merge", `/api/v1/namespaces/${namespace}-b`, { metadata: { labels: { wanted: "yes" } } });
    expect(hook.requests).toMatchObject([{ name: `${namespace}-b`, namespace: `${namespace}-b` }]);
  });
});

function condition(...expressions: string[]): object {
  return { matchConditions: expressions.map((expression, index) => ({ name: `c${index}`, expression })) };
}

describe("a custom kind", () => {
  const widget = (version: string) => `/apis/example.com/${version}/namespaces/${namespace}/widgets`;
  const object = (version: string) => ({
    ...{ apiVersion: `example.com/${version}`, kind: "Widget", metadata: { name: "a" }, spec: { replicas: 1 } },
  });
  const rule = { apiGroups: ["example.com"], apiVersions: ["v1"], operations: ["*"] };

  it.each([
    { policy: "Equivalent", want: [{ kind: "v1", requested: "v2", object: "example.com/v1" }] },
    { policy: "Exact", want: [] },
  ])("is shown in the version that rules name: $policy", async ({ policy, want }) => {
    await register(VALIDATING, webhook({ rules: [{ ...rule, resources: ["widgets"] }], matchPolicy: policy }));
    expect((await send("POST", widget("v2"), object("v2"))).status).toBe(201);
    expect(
      hook.requests.map(({ kind, requestKind, object: shown }) => ({
        ...{ kind: kind.version, requested: (requestKind as typeof kind).version, object: shown?.apiVersion },
      })),
    ).toEqual(want);
  });

  it("is changed through another version", async () => {
    hook.handler = () => patchOf({ op: "replace", path: "/spec/color", value: "blue" });
    await register(MUTATING, webhook({ rules: [{ ...rule, resources: ["widgets"] }] }));
    const { body } = await send("POST", widget("v2"), object("v2"));
    expect(body).toMatchObject({ apiVersion: "example.com/v2", spec: { color: "blue", replicas: 1 } });
  });

  it.each([
    { resources: ["widgets"], want: [] },
    { resources: ["widgets/status"], want: ["status"] },
    { resources: ["widgets/*"], want: ["status", "scale"] },
    { resources: ["*/scale"], want: ["scale"] },
  ])("asks about subresources: $resources", async ({ resources, want }) => {
    await send("POST", widget("v1"), object("v1"));
    await register(VALIDATING, webhook({ rules: [{ ...rule, resources }] }));
    await caller.patch("merge", `${widget("v1")}/a/status`, { status: { replicas: 1 } });
    await caller.patch("merge", `${widget("v1")}/a/scale`, { spec: { replicas: 2 } });
    expect(hook.requests.map(({ subResource }) => subResource)).toEqual(want);
  });

  it("is shown as a Scale where that is written, and scaled by a webhook", async () => {
    await send("POST", widget("v1"), object("v1"));
    hook.handler = () => patchOf({ op: "replace", path: "/spec/replicas", value: 7 });
    await register(MUTATING, webhook({ rules: [{ ...rule, resources: ["widgets/scale"] }] }));
    const { body } = await caller.patch<Found>("merge", `${widget("v1")}/a/scale`, { spec: { replicas: 2 } });
    expect(hook.requests).toMatchObject([
      {
        kind: { group: "autoscaling", version: "v1", kind: "Scale" },
        object: { kind: "Scale", spec: { replicas: 2 } },
        oldObject: { kind: "Scale", spec: { replicas: 1 } },
      },
    ]);
    expect(body).toMatchObject({ kind: "Scale", spec: { replicas: 7 } });
    expect((await send("GET", `${widget("v1")}/a`)).body.spec?.replicas).toBe(7);
  });

  it("is validated after webhooks changed it", async () => {
    hook.handler = () => patchOf({ op: "replace", path: "/spec/replicas", value: 11 });
    await register(MUTATING, webhook({ rules: [{ ...rule, resources: ["widgets"] }] }));
    const { body } = await send("POST", widget("v1"), object("v1"));
    expect(body.message).toContain("spec.replicas: Invalid value: 11");
  });
});

it("notes in the audit log who changed what, who was left out, and what webhooks say", async () => {
  hook.handler = (_, path) => {
    if (path.startsWith("/broken")) return { raw: "garbage" };
    const { response } = patchOf(addLabel("b", "2")) as { response: object };
    return { response: { ...response, auditAnnotations: { why: "because" } } };
  };
  const broken = { url: `https://${hook.host}/broken`, caBundle: hook.caBundle };
  await register(
    MUTATING,
    webhook({ name: "broken.example.com", clientConfig: broken, failurePolicy: "Ignore" }),
    webhook(),
  );
  await register(VALIDATING, webhook({ clientConfig: broken, failurePolicy: "Ignore" }));
  audited.length = 0;
  await create("a", labelled);
  const note = (name: string, mutated: boolean) => JSON.stringify({ configuration: "config", webhook: name, mutated });
  expect(audited.map(({ annotations }) => annotations)).toEqual([
    {
      "failed-open.mutation.webhook.admission.k8s.io/round_0_index_0": "broken.example.com",
      "mutation.webhook.admission.k8s.io/round_0_index_0": note("broken.example.com", false),
      [`${HOOK}/why`]: "because",
      "mutation.webhook.admission.k8s.io/round_0_index_1": note(HOOK, true),
      "failed-open.validating.webhook.admission.k8s.io/round_0_index_0": HOOK,
    },
  ]);
});

it("counts calls, refusals and what went on without a webhook, under kube-apiserver's names", async () => {
  const counted = async () => {
    const text = await new Kubectl(api.kubeconfig).run(["get", "--raw", "/metrics"]);
    return text.split("\n").filter((line) => line.includes('name="counted.') && !line.includes("_bucket"));
  };
  const named = (name: string, change: object = {}) => webhook({ name: `counted.${name}`, ...change });
  await registerAs("a", MUTATING, named("mutating.example.com"));
  await registerAs("b", VALIDATING, named("validating.example.com", { failurePolicy: "Ignore" }));
  hook.handler = allow;
  await create("allowed");
  hook.handler = ({ name }) => (name === "refused" ? deny("no") : { raw: "down", status: 500 });
  await create("refused");
  await create("failed");
  await send("DELETE", MUTATING);
  await create("without");
  const call = 'name="counted.mutating.example.com",type="admit",operation="CREATE"';
  const other = 'name="counted.validating.example.com",type="validating"';
  expect(await counted()).toEqual(
    expect.arrayContaining([
      `apiserver_admission_webhook_request_total{${call},code="200",rejected="false"} 1`,
      `apiserver_admission_webhook_request_total{${call},code="400",rejected="true"} 1`,
      `apiserver_admission_webhook_request_total{${call},code="500",rejected="true"} 1`,
      `apiserver_admission_webhook_admission_duration_seconds_count{${call},rejected="true"} 2`,
      `apiserver_admission_webhook_rejection_count{${call},error_type="no_error",rejection_code="400"} 1`,
      `apiserver_admission_webhook_rejection_count{${call},error_type="calling_webhook_error",rejection_code="500"} 1`,
      `apiserver_admission_webhook_fail_open_count{${other}} 1`,
    ]),
  );
});

describe("what the server does by itself", () => {
  it("asks webhooks too, and goes on once they allow", async () => {
    await create("a");
    hook.handler = () => deny("not yet");
    await register(VALIDATING, webhook({ rules: [{ ...configMapRule, operations: ["DELETE"] }] }));
    await send("DELETE", `/api/v1/namespaces/${namespace}`);
    await waitFor(() => hook.requests.length > 0);
    expect((await send("GET", `${configMaps}/a`)).status).toBe(200);
    hook.handler = allow;
    await waitFor(async () => (await send("GET", `/api/v1/namespaces/${namespace}`)).status === 404);
  });

  it("starts although a webhook is down", async () => {
    const everything = { apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*/*"] };
    const own = await startTestApiServer({ crds: [] });
    const other = new ApiCaller(own);
    const down = { url: "https://127.0.0.1:1/", caBundle: hook.caBundle };
    await other.call("POST", VALIDATING, {
      ...{ metadata: { name: "config" }, webhooks: [webhook({ rules: [everything], clientConfig: down })] },
    });
    await other[Symbol.asyncDispose]();
    await own.close();
    await using again = await startTestApiServer({ crds: [widgets], dataDir: own.dataDir });
    await using call = new ApiCaller(again);
    expect((await call.call("GET", "/apis/example.com/v1/widgets")).status).toBe(200);
    expect((await call.call("POST", "/api/v1/namespaces/default/configmaps", { metadata: { name: "a" } })).status).toBe(
      500,
    );
  });
});

async function waitFor(holds: () => boolean | Promise<boolean>): Promise<void> {
  await eventually("it happens", async () => await holds(), { timeoutMs: 20_000, everyMs: 50 });
}

describe("while a webhook takes its time", () => {
  const widgetRule = { apiGroups: ["example.com"], apiVersions: ["*"], operations: ["CREATE"], resources: ["widgets"] };

  it("a definition that goes takes the new object with it", async () => {
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const gadgets = { plural: "gadgets", singular: "gadget", kind: "Gadget", listKind: "GadgetList" };
    const definition = { metadata: { name: "gadgets.example.com" }, spec: { ...widgets.spec, names: gadgets } };
    await send("POST", path, definition);
    const objects = `/apis/example.com/v1/namespaces/${namespace}/gadgets`;
    await eventually("the kind is served", async () => (await send("GET", objects)).status === 200);
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    hook.handler = async () => {
      asked.resolve();
      await answered.promise;
      return { response: { allowed: true } };
    };
    await register(VALIDATING, webhook({ rules: [{ ...widgetRule, resources: ["gadgets"] }] }));
    const object = { apiVersion: "example.com/v1", kind: "Gadget", metadata: { name: "late" } };
    const late = send("POST", objects, object);
    await asked.promise;
    await send("DELETE", `${path}/gadgets.example.com`);
    await eventually("it is gone", async () => (await send("GET", `${path}/gadgets.example.com`)).status === 404);
    answered.resolve();
    expect((await late).status).toBe(404);
    await send("POST", path, definition);
    const again = await eventually("the kind is served", async () => {
      const { status, body } = await send("GET", objects);
      return status === 200 && body;
    });
    expect(again.items).toEqual([]);
    await send("DELETE", `${path}/gadgets.example.com`);
  });

  it("two who apply what is not there make one object, which is both of theirs", async () => {
    await register(VALIDATING, webhook());
    const both = Promise.withResolvers<void>();
    hook.handler = async () => {
      if (hook.requests.length >= 2) both.resolve();
      await both.promise;
      return { response: { allowed: true } };
    };
    const answers = await Promise.all(
      ["x", "y"].map((key) =>
        caller.patch("apply", `${configMaps}/shared?fieldManager=${key}`, {
          ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "shared" } },
          data: { [key]: "1" },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201]);
    expect((await send("GET", `${configMaps}/shared`)).body.data).toEqual({ x: "1", y: "1" });
  });
});

describe("a namespace that begins", () => {
  // SetDefaults_Namespace: decoding sets the label, so before admission.
  it("has the label of its name by which webhooks select it, and labels to add to", async () => {
    const name = `${namespace}-labelled`;
    hook.handler = () => patchOf(addLabel("added", "yes"));
    const rule = { ...configMapRule, operations: ["CREATE"], resources: ["namespaces"] };
    const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": name } };
    await register(MUTATING, webhook({ rules: [rule], namespaceSelector }));
    const { body } = await send("POST", "/api/v1/namespaces", { metadata: { name } });
    expect(body.metadata.labels).toEqual({ "kubernetes.io/metadata.name": name, added: "yes" });
  });
});

describe("a namespace that ends", () => {
  it("loses what may be deleted, and says what may not", async () => {
    await create("kept");
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const secrets = `/api/v1/namespaces/${namespace}/secrets`;
    await send("POST", leases, { metadata: { name: "free" } });
    await send("POST", secrets, { metadata: { name: "free" } });
    hook.handler = (request) => (request.operation === "DELETE" ? deny("still needed") : allow(request, ""));
    await register(VALIDATING, webhook());
    await send("DELETE", `/api/v1/namespaces/${namespace}`);
    for (const path of [leases, secrets])
      await eventually(`${path} is gone`, async () => (await send("GET", `${path}/free`)).status === 404, {
        timeoutMs: 20_000,
      });
    expect((await send("GET", `${configMaps}/kept`)).status).toBe(200);
    const failure = await eventually("it says so", async () => {
      const { body } = await send("GET", `/api/v1/namespaces/${namespace}`);
      const { conditions = [] } =
        (body as { status?: { conditions?: { type: string; status: string }[] } }).status ?? {};
      return conditions.find(({ type, status }) => type === "NamespaceDeletionContentFailure" && status === "True");
    });
    expect(failure).toMatchObject({
      reason: "ContentDeletionFailed",
      message: expect.stringContaining(`admission webhook "${HOOK}" denied the request: still needed`),
    });
    await send("DELETE", `${VALIDATING}/config`);
  });
});
