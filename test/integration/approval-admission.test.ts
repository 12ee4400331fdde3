import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { AdmissionEvent } from "../../src/admission/observer.ts";
import { type Secret, secrets } from "../../src/api/core.ts";
import type { KubeObject } from "../../src/api/meta.ts";
import { type Approval, approvals } from "../../src/api/v1alpha1/index.ts";
import { ownDigest } from "../../src/approvals/own-digest.ts";
import { readRequesters } from "../../src/approvals/requesters.ts";
import { sealOf } from "../../src/approvals/seal.ts";
import { STAMP_KEY_SECRET, type StampKeys, stampKeysIn } from "../../src/approvals/stamp-keys.ts";
import { stateOf } from "../../src/approvals/state.ts";
import type { AdmissionMode } from "../../src/cli/admission-mode.ts";
import { BUILT_IN_PROFILES } from "../../src/guardrails/built-in.ts";
import { parseKubeconfig } from "../../src/server/access/kubeconfig.ts";
import { type ApiAnswer, ApiCaller } from "../support/api-caller.ts";
import type { TestApiServer } from "../support/api-server.ts";
import { approvalOf, policyCopy } from "../support/approvals.ts";
import { eventually } from "../support/eventually.ts";
import { startGuarded } from "../support/guarded-server.ts";
import { Kubectl } from "../support/kubectl.ts";
import { patchOf, startWebhookServer, type WebhookServer } from "../support/webhook-server.ts";

/** What people can do to approvals and what these rest on, with every right that RBAC can give. */

jest.setTimeout(60_000);

const API = "/apis/slipway.dev/v1alpha1";
const REQUESTERS = "slipway.dev/requesters";
const HOOKS = "/apis/admissionregistration.k8s.io/v1";
const CONTROLLER = "system:serviceaccount:slipway-system:slipway-controller";
const typed = { apiVersion: "slipway.dev/v1alpha1" };

type Answer = ApiAnswer<KubeObject & { message: string; reason: string; spec: Approval["spec"] }>;

describe.each<{ mode: AdmissionMode }>([{ mode: "inprocess" }, { mode: "webhook" }])("asked by $mode,", ({ mode }) => {
  const heard: AdmissionEvent[] = [];
  let server: TestApiServer;
  let keys: StampKeys;
  let admin: ApiCaller;
  let controller: ApiCaller;
  let sam: Kubectl;
  const people = new Map<string, ApiCaller>();

  beforeAll(async () => {
    server = await startGuarded(mode, { observer: { observe: (event) => heard.push(event) } });
    keys = stampKeysIn(server.server.reader.get<Secret>(secrets, STAMP_KEY_SECRET)) as StampKeys;
    admin = new ApiCaller(server);
    const cluster = new Kubectl(server.kubeconfig);
    await cluster.run(["create", "clusterrolebinding", "all", "--clusterrole=cluster-admin", "--group=all"]);
    for (const name of ["dana", "sam", "kim", "mallory"]) {
      const groups = name === "sam" || name === "kim" ? ["all", "security"] : ["all"];
      const kubeconfig = await server.addUser(name, groups);
      const { token = "" } = parseKubeconfig(readFileSync(kubeconfig, "utf8"));
      if (name === "sam") sam = new Kubectl(kubeconfig);
      people.set(name, new ApiCaller({ ...server, adminToken: token }));
    }
    const token = await cluster.run(["create", "token", "slipway-controller", "-n", "slipway-system"]);
    controller = new ApiCaller({ ...server, adminToken: token.trim() });
    await ok(admin.call("POST", `${API}/approvalpolicies`, policy("production")));
  });
  afterAll(async () => {
    for (const caller of [admin, controller, ...people.values()]) await caller[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  afterEach(() => {
    heard.length = 0;
  });

  const as = (name: string): ApiCaller => people.get(name) as ApiCaller;
  async function ok(answer: Promise<ApiAnswer<unknown>>): Promise<Answer["body"]> {
    const { status, body } = (await answer) as Answer;
    if (status >= 300) throw new Error(`${status}: ${body.message}`);
    return body;
  }
  async function refused(answer: Promise<ApiAnswer<unknown>>, because: RegExp): Promise<void> {
    const { status, body } = (await answer) as Answer;
    expect([status, body.message]).toEqual([403, expect.stringMatching(because)]);
  }

  const policy = (name: string) => {
    const { uid: _, name: __, ...spec } = policyCopy(name);
    return {
      ...typed,
      kind: "ApprovalPolicy",
      metadata: { name },
      spec: { rules: [{ name: "all", sourceTypes: ["image"] }], ...spec },
    };
  };
  const rtd = (name = "", namespace = "default") =>
    `${API}/namespaces/${namespace}/runtimedeployments${name && `/${name}`}`;
  const wish = (name: string, value = "1", annotations?: object) => ({
    ...{ ...typed, kind: "RuntimeDeployment" },
    metadata: { name, ...(annotations && { annotations }) },
    spec: { source: { image: { reference: "registry.test/x:1" } }, env: [{ name: "A", value }] },
  });
  const users = (object: KubeObject) => {
    const { entries, problem } = readRequesters(object, keys);
    expect(problem).toBeUndefined();
    return entries.map(({ user }) => user);
  };
  const read = (path: string) => ok(admin.call("GET", path));

  let asked = 0;
  const approvalPath = (name = "", namespace = "default") =>
    `${API}/namespaces/${namespace}/approvals${name && `/${name}`}`;
  /** As the controller asks. */
  async function ask(
    more: Partial<Approval["spec"]> = {},
    namespace = "default",
    metadata: object = {},
  ): Promise<Approval> {
    const name = `asked-${mode}-${++asked}`;
    const { metadata: owner } = await ok(as("dana").call("POST", rtd("", namespace), wish(name)));
    const { metadata: production } = await read(`${API}/approvalpolicies/production`);
    const spec = {
      deploymentRef: { name, uid: owner.uid },
      digest: `v1:sha256:${"0".repeat(64)}`,
      effective: { image: "x" },
      requesters: [{ username: "dana" }],
      requestedAt: new Date().toISOString(),
      policies: [policyCopy("production", { uid: production.uid })],
      triggers: [{ policy: "production", rule: "all", message: "image" }],
      ...more,
    };
    const owners = [{ ...typed, kind: "RuntimeDeployment", name, uid: owner.uid, controller: true }];
    const whole = { name, namespace, ownerReferences: owners, ...metadata };
    const seal = sealOf({ metadata: whole, spec }, keys);
    const object = { ...typed, kind: "Approval", metadata: whole, spec: { ...spec, seal } };
    return (await ok(controller.call("POST", approvalPath("", namespace), object))) as unknown as Approval;
  }
  const add = (value: unknown) => [{ op: "add", path: "/spec/decisions/-", value }];
  const decide = (name: string, { metadata }: Approval, decision: object = { verdict: "Approved" }) =>
    as(name).patch("json", approvalPath(metadata.name, metadata.namespace), add(decision));
  const stored = async ({ metadata }: Approval) =>
    (await read(approvalPath(metadata.name, metadata.namespace))) as unknown as Approval;
  const phase = async (approval: Approval) => {
    const state = stateOf(await stored(approval), keys, new Date());
    expect(state.problem).toBeUndefined();
    return state.phase;
  };

  describe("who asks is written down,", () => {
    const forged = JSON.stringify({ entries: [{ user: "kim", groups: [], at: "", digest: "" }], mac: "x" });

    it("whatever kind of write it is", async () => {
      const made = await ok(as("dana").call("POST", rtd(), wish("written", "1", { [REQUESTERS]: forged })));
      expect(users(made)).toEqual(["dana"]);
      const path = rtd("written");
      const merge = { metadata: { annotations: { [REQUESTERS]: forged } }, spec: { env: [{ name: "A", value: "2" }] } };
      expect(users(await ok(as("sam").patch("merge", path, merge)))).toEqual(["dana", "sam"]);
      const change = [{ op: "replace", path: "/spec/env/0/value", value: "3" }];
      expect(users(await ok(as("kim").patch("json", path, change)))).toEqual(["dana", "sam", "kim"]);
      const apply = `${path}?fieldManager=mallory&force=true`;
      const applied = await ok(as("mallory").patch("apply", apply, wish("written", "4", { [REQUESTERS]: forged })));
      expect(users(applied)).toEqual(["dana", "sam", "kim", "mallory"]);
      const { resourceVersion } = applied.metadata;
      const put = { ...wish("written", "5"), metadata: { name: "written", resourceVersion } };
      expect(users(await ok(as("dana").call("PUT", path, put)))).toEqual(["dana", "sam", "kim", "mallory", "dana"]);
      expect(users(await ok(as("sam").patch("apply", `${rtd("applied")}?fieldManager=a`, wish("applied"))))).toEqual([
        "sam",
      ]);
    });

    it("and stays, whoever takes it off or writes another", async () => {
      const { metadata } = await ok(as("dana").call("POST", rtd(), wish("kept")));
      const list = metadata.annotations?.[REQUESTERS];
      for (const annotations of [
        { [REQUESTERS]: null },
        null,
        { [REQUESTERS]: forged },
        { [REQUESTERS]: "", note: "x" },
      ]) {
        const after = await ok(as("mallory").patch("merge", rtd("kept"), { metadata: { annotations } }));
        expect(after.metadata.annotations?.[REQUESTERS]).toBe(list);
      }
      const status = { metadata: { annotations: { [REQUESTERS]: forged } }, status: { phase: "Connected" } };
      const forging = as("mallory").patch("merge", `${rtd("kept")}/status`, status);
      await refused(forging, /only Slipway's controller writes its status/);
      expect((await read(rtd("kept"))).metadata.annotations?.[REQUESTERS]).toBe(list);
    });

    it("not of whoever changes nothing that counts", async () => {
      const { metadata } = await ok(as("dana").call("POST", rtd(), wish("harmless")));
      const change = { metadata: { labels: { a: "b" } }, spec: { desiredState: "Stopped", health: { probe: "tcp" } } };
      const after = await ok(as("sam").patch("merge", rtd("harmless"), change));
      expect(after.metadata.annotations?.[REQUESTERS]).toBe(metadata.annotations?.[REQUESTERS]);
    });

    it("and belongs to no field manager", async () => {
      await ok(as("dana").call("POST", rtd(), wish("managed")));
      await ok(as("sam").patch("merge", rtd("managed"), { spec: { env: [] } }));
      const { metadata } = await ok(
        as("sam").patch("apply", `${rtd("managed")}?fieldManager=argo&force=true`, wish("managed", "9")),
      );
      expect(JSON.stringify(metadata.managedFields)).not.toContain("requesters");
    });

    it("also of an object whose name the server makes", async () => {
      const { metadata: _, ...rest } = wish("");
      const made = await ok(as("dana").call("POST", rtd(), { ...rest, metadata: { generateName: "made-" } }));
      expect(users(made)).toEqual(["dana"]);
    });

    it("also of profiles and backends", async () => {
      const backend = { ...typed, kind: "RuntimeBackend", metadata: { name: "b" }, spec: { type: "docker" } };
      expect(users(await ok(as("dana").call("POST", `${API}/runtimebackends`, backend)))).toEqual(["dana"]);
      const profile = { ...typed, kind: "GuardrailProfile", metadata: { name: "mine" }, spec: {} };
      await ok(as("dana").call("POST", `${API}/guardrailprofiles`, profile));
      const change = { spec: { runAsNonRoot: false, network: { egressAllowed: true } } };
      expect(users(await ok(as("kim").patch("merge", `${API}/guardrailprofiles/mine`, change)))).toEqual([
        "dana",
        "kim",
      ]);
    });

    it("and shows in a dry run that admission is asked", async () => {
      const canary = wish("canary", "1", { [REQUESTERS]: "forged" });
      const { metadata } = await ok(controller.call("POST", `${rtd("", "slipway-system")}?dryRun=All`, canary));
      expect(metadata.annotations?.[REQUESTERS]).toContain(CONTROLLER);
      expect(heard).toEqual([]);
      expect((await admin.call("GET", rtd("canary", "slipway-system"))).status).toBe(404);
    });

    it("by the name of whoever acts as somebody", async () => {
      const kubectl = new Kubectl(server.kubeconfig);
      const as = ["--as=argo", "--as-group=all"];
      await kubectl.run(["create", "-f", "-", ...as], { input: JSON.stringify(wish("acted")) });
      expect(users(await read(rtd("acted")))).toEqual(["admin"]);
    });

    it("and is told to whoever listens, once", async () => {
      const made = await ok(as("dana").call("POST", rtd(), wish("told")));
      await ok(as("sam").patch("merge", rtd("told"), { metadata: { labels: { a: "b" } } }));
      const object = { kind: "RuntimeDeployment", namespace: "default", name: "told", uid: made.metadata.uid };
      // No AdmissionReview says where a client is.
      const from = mode === "inprocess" ? "127.0.0.1" : undefined;
      expect(heard).toMatchObject([
        { type: "Requested", who: { username: "dana" }, object, digest: ownDigest(made), from },
      ]);
    });
  });

  describe("a decision", () => {
    it("is stamped with who made it and when, whatever was sent", async () => {
      const approval = await ask();
      const claimed = {
        verdict: "Approved",
        reason: "fine",
        by: "kim",
        at: "2020-01-01T00:00:00Z",
        policies: ["x"],
        stamp: "x",
      };
      const { spec } = await ok(decide("sam", approval, claimed));
      const [decision] = spec.decisions;
      expect(decision).toMatchObject({ verdict: "Approved", reason: "fine", by: "sam", policies: ["production"] });
      expect(Math.abs(Date.parse(decision?.at ?? "") - Date.now())).toBeLessThan(60_000);
      expect(await phase(approval)).toBe("Approved");
      expect(heard.filter(({ type }) => type === "Decided")).toMatchObject([
        {
          who: { username: "sam" },
          object: { kind: "Approval", name: approval.metadata.name },
          digest: spec.digest,
          verdict: "Approved",
          reason: "fine",
        },
      ]);
    });

    it("may come by any kind of write", async () => {
      const rejected = { verdict: "Rejected" };
      const merged = await ask();
      await ok(as("sam").patch("merge", approvalPath(merged.metadata.name), { spec: { decisions: [rejected] } }));
      const put = await ask();
      await ok(
        as("sam").call("PUT", approvalPath(put.metadata.name), {
          ...put,
          spec: { ...put.spec, decisions: [rejected] },
        }),
      );
      for (const approval of [merged, put]) expect(await phase(approval)).toBe("Rejected");
    });

    it("by kubectl's own edit of the list", async () => {
      const approval = await ask();
      const patch = JSON.stringify(add({ verdict: "Approved" }));
      await sam.run(["patch", "approval", approval.metadata.name, "--type=json", "-p", patch]);
      expect(await phase(approval)).toBe("Approved");
    });

    it("is tried by a dry run, and told to nobody", async () => {
      const approval = await ask();
      heard.length = 0;
      const path = `${approvalPath(approval.metadata.name)}?dryRun=All`;
      const { spec } = await ok(as("sam").patch("json", path, add({ verdict: "Approved" })));
      expect(spec.decisions[0]?.by).toBe("sam");
      await refused(as("mallory").patch("json", path, add({ verdict: "Approved" })), /no approver/);
      expect(await phase(approval)).toBe("Pending");
      expect(heard).toEqual([]);
    });

    it("counts once, however often somebody sends it at the same time", async () => {
      const policies = [policyCopy("two", { approvers: { groups: ["security"], required: 2 } })];
      const approval = await ask({ policies });
      const answers = await Promise.all(Array.from({ length: 12 }, () => decide("sam", approval)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(await phase(approval)).toBe("Pending");
      const both = await Promise.all([decide("kim", approval), decide("kim", approval, { verdict: "Rejected" })]);
      expect(both.filter(({ status }) => status === 200)).toHaveLength(1);
      const { spec } = await stored(approval);
      expect(spec.decisions.map(({ by }) => by)).toEqual(["sam", "kim"]);
      expect(await phase(approval)).not.toBe("Pending");
    });

    it.each<{
      because: string;
      by?: string;
      more?: Partial<Approval["spec"]>;
      first?: [string, object];
      decision?: unknown;
      says: RegExp;
    }>([
      { because: "nobody named them", by: "mallory", says: /you are no approver of production/ },
      {
        because: "nobody named them, for a no either",
        by: "mallory",
        decision: { verdict: "Rejected" },
        says: /you are no approver of production/,
      },
      {
        because: "they asked for it",
        more: { requesters: [{ username: "dana" }, { username: "sam" }] },
        says: /it is your own request/,
      },
      { because: "it was approved", first: ["kim", { verdict: "Approved" }], says: /it is Approved since .* by kim/ },
      { because: "it was rejected", first: ["kim", { verdict: "Rejected" }], says: /it is Rejected since .* by kim/ },
      {
        because: "it is over",
        more: { requestedAt: new Date(Date.now() - 49 * 3_600_000).toISOString() },
        says: /it is Expired since/,
      },
      {
        because: "they have decided",
        more: { policies: [policyCopy("two", { approvers: { groups: ["security"], required: 2 } })] },
        first: ["sam", { verdict: "Approved" }],
        says: /you have decided already/,
      },
    ])("is refused where $because", async ({ by = "sam", more, first, decision = { verdict: "Approved" }, says }) => {
      const approval = await ask(more);
      if (first) await ok(decide(first[0], approval, first[1]));
      const before = await stored(approval);
      heard.length = 0;
      await refused(decide(by, approval, decision as object), says);
      expect(await stored(approval)).toEqual(before);
      expect(heard).toMatchObject([
        {
          type: "Refused",
          who: { username: by },
          operation: "UPDATE",
          object: { name: approval.metadata.name },
          digest: approval.spec.digest,
          reason: expect.stringMatching(says),
        },
      ]);
    });

    it.each<{ because: string; change: object[] }>([
      { because: "two at once", change: [...add({ verdict: "Approved" }), ...add({ verdict: "Approved" })] },
      {
        because: "the earlier one changed",
        change: [
          { op: "replace", path: "/spec/decisions/0/verdict", value: "Rejected" },
          ...add({ verdict: "Approved" }),
        ],
      },
      { because: "the earlier one taken off", change: [{ op: "remove", path: "/spec/decisions/0" }] },
      {
        because: "the earlier one replaced",
        change: [{ op: "replace", path: "/spec/decisions", value: [{ verdict: "Approved" }] }],
      },
      {
        because: "one before the earlier one",
        change: [{ op: "add", path: "/spec/decisions/0", value: { verdict: "Approved" } }],
      },
      {
        because: "another digest",
        change: [{ op: "replace", path: "/spec/digest", value: `v1:sha256:${"1".repeat(64)}` }],
      },
      {
        because: "another content",
        change: [{ op: "add", path: "/spec/effective/image", value: "evil" }, ...add({ verdict: "Approved" })],
      },
      { because: "no requesters", change: [{ op: "replace", path: "/spec/requesters", value: [] }] },
      {
        because: "fewer approvers",
        change: [{ op: "replace", path: "/spec/policies/0/approvers/required", value: 1 }],
      },
      { because: "another seal", change: [{ op: "replace", path: "/spec/seal", value: "v1:x" }] },
      { because: "a label", change: [{ op: "add", path: "/metadata/labels", value: { a: "b" } }] },
      { because: "an annotation", change: [{ op: "add", path: "/metadata/annotations", value: { a: "b" } }] },
      { because: "no owner", change: [{ op: "remove", path: "/metadata/ownerReferences" }] },
      { because: "a finalizer", change: [{ op: "add", path: "/metadata/finalizers", value: ["example.com/x"] }] },
      {
        because: "a label beside a decision",
        change: [{ op: "add", path: "/metadata/labels", value: { a: "b" } }, ...add({ verdict: "Approved" })],
      },
    ])("does not come with $because, not even from the controller", async ({ change }) => {
      const policies = [policyCopy("three", { approvers: { groups: ["security"], required: 3 } })];
      const approval = await ask({ policies });
      await ok(decide("kim", approval));
      const before = await stored(approval);
      for (const who of [as("sam"), admin])
        await refused(
          who.patch("json", approvalPath(approval.metadata.name), change),
          /only a decision may be added|decisions stay|a person decides once/,
        );
      // RBAC does not even let it come so far.
      await refused(controller.patch("json", approvalPath(approval.metadata.name), change), /cannot patch resource/);
      expect(await stored(approval)).toEqual(before);
    });

    it("that is none is the schema's to refuse", async () => {
      const approval = await ask();
      for (const decision of ["yes", { verdict: "Perhaps" }, {}])
        expect(await decide("sam", approval, decision as object)).toMatchObject({ body: { reason: "Invalid" } });
      expect(await phase(approval)).toBe("Pending");
    });

    it("does nothing for a deployment that was deleted, or made anew", async () => {
      const approval = await ask({}, "default", { finalizers: ["example.com/held"] });
      const { name } = approval.spec.deploymentRef;
      await ok(admin.call("DELETE", rtd(name)));
      await refused(decide("sam", approval), /was deleted/);
      await ok(as("dana").call("POST", rtd(), wish(name)));
      await refused(decide("sam", approval), /was deleted/);
    });

    it("cannot be replayed", async () => {
      const source = await ask();
      const { spec } = await ok(decide("sam", source));
      const target = await ask();
      await refused(decide("mallory", target, spec.decisions[0]), /no approver/);
      await refused(
        as("dana").patch("json", approvalPath(target.metadata.name), add(spec.decisions[0])),
        /no approver/,
      );
      expect(await phase(target)).toBe("Pending");
    });

    it("is refused to who is taken off the policy, and stays possible where the policy is gone", async () => {
      const { metadata } = await ok(admin.call("POST", `${API}/approvalpolicies`, policy("fleeting")));
      const policies = [policyCopy("fleeting", { uid: metadata.uid })];
      const [first, second] = [await ask({ policies }), await ask({ policies })];
      const change = { spec: { approvers: { groups: null, users: ["kim"] } } };
      await ok(admin.patch("merge", `${API}/approvalpolicies/fleeting`, change));
      await refused(decide("sam", first), /no approver of fleeting/);
      await ok(decide("kim", first));
      await ok(admin.call("DELETE", `${API}/approvalpolicies/fleeting`));
      await refused(decide("mallory", second), /no approver of fleeting/);
      await ok(decide("sam", second));
    });
  });

  describe("an Approval", () => {
    const made = (spec: object) => ({ ...typed, kind: "Approval", metadata: { name: "by-hand" }, spec });

    it("is made by nobody but the controller, and sealed", async () => {
      const { spec } = await ask();
      for (const who of [as("sam"), as("mallory"), admin]) {
        await refused(who.call("POST", approvalPath(), made(spec)), /only Slipway's controller makes Approvals/);
        await refused(
          who.patch("apply", `${approvalPath("by-hand")}?fieldManager=x`, made(spec)),
          /only Slipway's controller/,
        );
      }
      await refused(controller.call("POST", approvalPath(), made(spec)), /spec.seal does not fit/);
      const decisions = [{ verdict: "Approved" }];
      await refused(
        controller.call("POST", approvalPath(), made({ ...spec, decisions })),
        /nobody decides before it is asked/,
      );
      expect((await admin.call("GET", approvalPath("by-hand"))).status).toBe(404);
      expect(heard.filter(({ type }) => type === "Refused")).toHaveLength(8);
    });

    it("has its status from the controller", async () => {
      const approval = await ask();
      const path = `${approvalPath(approval.metadata.name)}/status`;
      for (const who of [as("sam"), admin]) {
        await refused(
          who.patch("merge", path, { status: { phase: "Approved" } }),
          /only Slipway's controller writes its status/,
        );
        await refused(
          who.patch("apply", `${path}?fieldManager=x`, {
            ...typed,
            kind: "Approval",
            metadata: { name: approval.metadata.name },
            status: { phase: "Approved" },
          }),
          /only Slipway's controller/,
        );
      }
      await ok(controller.patch("merge", path, { status: { phase: "Superseded" } }));
      await refused(decide("sam", approval), /it is Superseded/);
    });

    it("stays as long as its deployment", async () => {
      const approval = await ask();
      const path = approvalPath(approval.metadata.name);
      for (const who of [as("sam"), admin]) {
        await refused(who.call("DELETE", path), /it goes with its RuntimeDeployment/);
        await refused(who.call("DELETE", `${path}?propagationPolicy=Foreground`), /it goes with/);
        await refused(who.call("DELETE", `${path}?dryRun=All`), /it goes with/);
        await refused(who.call("DELETE", approvalPath()), /it goes with/);
      }
      expect(await phase(approval)).toBe("Pending");
      await ok(controller.call("DELETE", path));
    });

    it.each(["Background", "Foreground"])("goes with it by deletion in the %s", async (propagation) => {
      const approval = await ask();
      await ok(as("dana").call("DELETE", `${rtd(approval.metadata.name)}?propagationPolicy=${propagation}`));
      await eventually("both are gone", async () => {
        const paths = [rtd(approval.metadata.name), approvalPath(approval.metadata.name)];
        const found = await Promise.all(paths.map((path) => admin.call("GET", path)));
        return found.every(({ status }) => status === 404);
      });
    });

    it("may be taken away when it was left behind", async () => {
      const approval = await ask();
      await ok(as("dana").call("DELETE", `${rtd(approval.metadata.name)}?propagationPolicy=Orphan`));
      await eventually("it has no owner", async () => (await stored(approval)).metadata.ownerReferences === undefined);
      expect(await phase(approval)).toBe("Pending");
      await eventually("admission has seen that, too", async () => {
        return (await admin.call("DELETE", approvalPath(approval.metadata.name))).status === 200;
      });
    });

    it("goes with its namespace", async () => {
      const name = `ending-${mode}`;
      await ok(admin.call("POST", "/api/v1/namespaces", { metadata: { name } }));
      await ask({}, name);
      await ok(admin.call("DELETE", `/api/v1/namespaces/${name}`));
      await eventually(
        "the namespace is gone",
        async () => (await admin.call("GET", `/api/v1/namespaces/${name}`)).status === 404,
      );
    });
  });

  it("a policy that nobody can evaluate is refused", async () => {
    const { spec, ...rest } = policy("odd");
    const rules = [{ name: "large", cpuAbove: "much" }];
    const { status, body } = (await admin.call("POST", `${API}/approvalpolicies`, {
      ...rest,
      spec: { ...spec, rules },
    })) as Answer;
    expect([status, body.message]).toEqual([422, expect.stringContaining("spec.rules[0].cpuAbove")]);
  });

  it("profiles as they ship are nobody's request", async () => {
    for (const profile of BUILT_IN_PROFILES) {
      const made = await ok(
        controller.patch("apply", `${API}/guardrailprofiles/${profile.metadata.name}?fieldManager=c`, profile),
      );
      expect(users(made)).toEqual([]);
    }
  });

  describe("among webhooks of others", () => {
    let hook: WebhookServer;
    beforeAll(async () => {
      hook = await startWebhookServer();
    });
    afterEach(async () => {
      await admin.call("DELETE", `${HOOKS}/mutatingwebhookconfigurations/zz-last`);
    });
    afterAll(async () => {
      await hook[Symbol.asyncDispose]();
    });
    const register = (resource: string, more: object = {}) => {
      const webhook = {
        name: "last.example.com",
        clientConfig: { url: `https://${hook.host}/`, caBundle: hook.caBundle },
        rules: [{ apiGroups: ["slipway.dev"], apiVersions: ["*"], operations: ["*"], resources: [resource] }],
        ...{ admissionReviewVersions: ["v1"], sideEffects: "None", ...more },
      };
      return ok(
        admin.call("POST", `${HOOKS}/mutatingwebhookconfigurations`, {
          metadata: { name: "zz-last" },
          webhooks: [webhook],
        }),
      );
    };

    it("a stamp is over what they made of the object", async () => {
      await register("runtimedeployments");
      hook.handler = ({ object }) =>
        (object as { spec: { command?: object } }).spec.command
          ? { response: { allowed: true } }
          : patchOf({ op: "add", path: "/spec/command", value: ["injected"] });
      const made = await ok(as("dana").call("POST", rtd(), wish("injected")));
      expect((made.spec as { command?: string[] }).command).toEqual(["injected"]);
      expect(users(made)).toEqual(["dana"]);
    });

    it("none writes the list", async () => {
      await register("runtimedeployments", { reinvocationPolicy: "IfNeeded" });
      hook.handler = () =>
        patchOf({ op: "add", path: "/metadata/annotations", value: { [REQUESTERS]: "forged", more: "x" } });
      const answer = (await as("dana").call("POST", rtd(), wish("tampered"))) as Answer;
      // In process the stamp comes after them all; over HTTPS somebody else may be asked last.
      if (answer.status === 201) expect(users(answer.body)).toEqual(["dana"]);
      else
        expect([answer.status, answer.body.message]).toEqual([
          403,
          expect.stringContaining("is not what admission wrote"),
        ]);
    });

    it("none decides, nor adds to a decision", async () => {
      await register("approvals");
      const approval = await ask();
      hook.handler = () => patchOf({ op: "add", path: "/metadata/labels", value: { a: "b" } });
      await refused(decide("sam", approval), /only a decision may be added/);
      hook.handler = () => patchOf({ op: "add", path: "/spec/decisions/0/by", value: "kim" });
      const { status } = await decide("sam", approval);
      const { decisions } = (await stored(approval)).spec;
      expect([status, decisions.map(({ by }) => by)]).toEqual(status === 200 ? [200, ["sam"]] : [403, []]);
    });
  });
});

describe("as webhooks,", () => {
  it.each<{ missing: string; made: RegExp | undefined; decided: RegExp; deleted: RegExp }>([
    {
      missing: "mutatingwebhookconfigurations",
      made: /is not what admission wrote/,
      decided: /has no stamp of admission/,
      deleted: /it goes with its RuntimeDeployment/,
    },
    {
      missing: "validatingwebhookconfigurations",
      made: undefined,
      decided: /you are no approver/,
      deleted: /it goes with its RuntimeDeployment/,
    },
  ])("one half without the other ($missing) opens nothing", async ({ missing, made, decided, deleted }) => {
    await using server = await startGuarded("webhook");
    await using admin = new ApiCaller(server);
    const { reader, writer } = server.server;
    const keys = stampKeysIn(reader.get<Secret>(secrets, STAMP_KEY_SECRET)) as StampKeys;
    const path = `${API}/namespaces/default`;
    const wish = (name: string) => ({
      ...{ ...typed, kind: "RuntimeDeployment", metadata: { name, namespace: "default" } },
      spec: { source: { image: { reference: "x" } } },
    });
    const { body } = (await admin.call("POST", `${path}/runtimedeployments`, wish("server"))) as Answer;
    const approvers = made ? { groups: ["system:masters"] } : { users: ["nobody"] };
    const asked = approvalOf({ policies: [policyCopy("production", { approvers })] });
    const metadata = { name: asked.metadata.name, namespace: "default" };
    const spec = {
      ...asked.spec,
      deploymentRef: { name: "server", uid: body.metadata.uid },
      requestedAt: new Date().toISOString(),
    };
    const approval = { ...asked, metadata, spec: { ...spec, seal: sealOf({ metadata, spec }, keys) } };
    await writer.create(approvals, approval, { user: { username: CONTROLLER, groups: [] } });

    await admin.call("DELETE", `${HOOKS}/${missing}/slipway-guardrails`);
    const messageOf = async (answer: Promise<ApiAnswer<unknown>>) => {
      const { status, body: said } = (await answer) as Answer;
      return status === 403 ? said.message : `${status}`;
    };
    const other = await messageOf(admin.call("POST", `${path}/runtimedeployments`, wish("other")));
    if (made) expect(other).toMatch(made);
    else expect(other).toBe("201");
    const decision = [{ op: "add", path: "/spec/decisions/-", value: { verdict: "Approved" } }];
    const name = `${path}/approvals/${metadata.name}`;
    expect(await messageOf(admin.patch("json", name, decision))).toMatch(decided);
    expect(await messageOf(admin.call("DELETE", name))).toMatch(deleted);
    const copy = { ...approval, metadata: { name: "copy", namespace: "default" } };
    expect(await messageOf(admin.call("POST", `${path}/approvals`, copy))).toMatch(/only Slipway's controller/);
    const status = { status: { phase: "Approved" } };
    expect(await messageOf(admin.patch("merge", `${name}/status`, status))).toMatch(/only Slipway's controller/);
  });
});

describe("the key", () => {
  it("is there before anybody is answered, and from start to start the same", async () => {
    await using server = await startGuarded("inprocess");
    const key = server.server.reader.get<Secret>(secrets, STAMP_KEY_SECRET)?.data;
    expect(stampKeysIn({ data: key } as Secret)).toBeDefined();
    await server.close();
    const again = await startGuarded("webhook", { dataDir: server.dataDir });
    try {
      expect(again.server.reader.get<Secret>(secrets, STAMP_KEY_SECRET)?.data).toEqual(key);
    } finally {
      await again[Symbol.asyncDispose]();
    }
  });

  it("that is gone stamps nothing, and what is written then shows it", async () => {
    await using server = await startGuarded("inprocess");
    await using admin = new ApiCaller(server);
    const keys = stampKeysIn(server.server.reader.get<Secret>(secrets, STAMP_KEY_SECRET));
    await admin.call("DELETE", "/api/v1/namespaces/slipway-system/secrets/slipway-admission-key");
    const path = `${API}/namespaces/default/runtimedeployments`;
    const metadata = { name: "a", annotations: { [REQUESTERS]: "forged" } };
    const object = { ...typed, kind: "RuntimeDeployment", metadata, spec: { source: { image: { reference: "x" } } } };
    const { status, body } = (await admin.call("POST", path, object)) as Answer;
    expect([status, body.metadata.annotations]).toEqual([201, undefined]);
    expect(readRequesters(body, keys).problem).toContain("no authentic list of requesters");
  });
});
