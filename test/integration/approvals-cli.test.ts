import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Approval, approvals, type RuntimeDeployment, runtimeDeployments } from "../../src/api/v1alpha1/index.ts";
import { type ApprovalsOptions, listApprovals } from "../../src/cli/approvals.ts";
import { type DecideContext, type DecideOptions, decide, type Verdict } from "../../src/cli/approve.ts";
import type { CommandContext } from "../../src/cli/command-context.ts";
import { describe as describeCommand } from "../../src/cli/describe.ts";
import { request } from "../../src/cli/request.ts";
import { UsageError } from "../../src/cli/usage-error.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";

/** The commands about approvals against stored objects: a server without admission, and nobody who decides but the test. */

const DIGEST = `v1:sha256:${"a".repeat(64)}`;
const OTHER = `v1:sha256:${"b".repeat(64)}`;
const HOUR = 3_600_000;
const at = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();
const ASKED = at(-3);

let server: TestApiServer;
let client: DisposableKubeClient;

beforeAll(async () => {
  server = await startTestApiServer();
  client = await createKubeClient({ kubeconfigPath: server.kubeconfig });
});
afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const type of [approvals, runtimeDeployments]) {
    const { items } = await client.list<Approval | RuntimeDeployment>(type);
    for (const { metadata } of items) {
      await client.delete<Approval | RuntimeDeployment>(type, {
        namespace: metadata.namespace ?? "",
        name: metadata.name,
      });
    }
  }
});

const meta = { apiVersion: "slipway.dev/v1alpha1" } as const;

async function makeApproval(
  name: string,
  {
    deployment = "files",
    uid = "u-1",
    namespace = "default",
    status = {},
    spec = {},
  }: {
    deployment?: string;
    uid?: string;
    namespace?: string;
    status?: NonNullable<Approval["status"]>;
    spec?: Partial<Approval["spec"]>;
  } = {},
): Promise<Approval> {
  const made = await client.create(approvals, {
    ...meta,
    kind: "Approval",
    metadata: { name, namespace },
    spec: {
      deploymentRef: { name: deployment, uid },
      generation: 3,
      digest: DIGEST,
      effective: { image: "ghcr.io/x/files@sha256:1", resources: { cpu: "1" } },
      requesters: [{ username: "dev1", groups: ["devs"] }],
      requestedAt: ASKED,
      policies: [
        { name: "production", uid: "p-1", approvers: { groups: ["security"], required: 2 }, timeoutHours: 48 },
      ],
      triggers: [{ policy: "production", rule: "foreign", message: "ghcr.io is not among the registries" }],
      seal: "s",
      decisions: [],
      ...spec,
    },
  });
  const body = { status: { phase: "Pending", expiresAt: at(45), ...status } };
  const key = { namespace, name };
  return await client.patch(approvals, key, { type: "merge", body }, { subresource: "status" }).then(() => made);
}

async function makeDeployment(name: string, status: RuntimeDeployment["status"] = {}): Promise<RuntimeDeployment> {
  const made = await client.create(runtimeDeployments, {
    ...meta,
    kind: "RuntimeDeployment",
    metadata: { name, namespace: "default" },
    spec: { source: { image: { reference: "ghcr.io/x/files:1" } } },
  } as Parameters<typeof client.create<RuntimeDeployment>>[1]);
  await client.patch(
    runtimeDeployments,
    { namespace: "default", name },
    { type: "merge", body: { status } },
    { subresource: "status" },
  );
  return made;
}

interface Said {
  readonly code: number;
  readonly text: string;
}

async function said(command: (context: CommandContext) => Promise<number>): Promise<Said> {
  const chunks: string[] = [];
  const output = { write: (chunk: string | Uint8Array) => chunks.push(String(chunk)) };
  const context = { stdout: output, stderr: output, env: {}, signal: AbortSignal.timeout(20_000) };
  const code = await command(context);
  return { code, text: chunks.join("") };
}

const here = () => ({ kubeconfig: server.kubeconfig });
const list = (options: ApprovalsOptions = {}) => said((context) => listApprovals({ ...here(), ...options }, context));
const tell = (name: string) => said((context) => describeCommand({ ...here(), name }, context));
const ask = (name: string) => said((context) => request({ ...here(), name }, context));
const decideOn = (
  name: string,
  options: Partial<DecideOptions> & { verdict?: Verdict; confirm?: NonNullable<DecideContext["confirm"]> } = {},
) => {
  const { verdict = "Approved", confirm, ...rest } = options;
  return said((context) =>
    decide(verdict, { ...here(), name, reason: "looked at", ...rest }, { ...context, ...(confirm && { confirm }) }),
  );
};
const stored = (name: string) => client.get(approvals, { namespace: "default", name });

describe("slipway approvals", () => {
  beforeEach(async () => {
    await makeApproval("files-1");
    await makeApproval("files-0", {
      status: { phase: "Rejected", decidedBy: ["sec"] },
      spec: { requestedAt: at(-50) },
    });
    await client
      .create(
        { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false },
        {
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name: "team" },
        },
      )
      .catch(() => undefined);
    await makeApproval("web-1", { namespace: "team", deployment: "web" });
  });

  it("lists those of a namespace, the newest first", async () => {
    expect(await list()).toEqual({
      code: 0,
      text: [
        "NAME      PHASE      DEPLOYMENT   REQUESTED BY   POLICIES     EXPIRES   AGE",
        "files-1   Pending    files        dev1           production   44h       3h",
        "files-0   Rejected   files        dev1           production   -         2d",
        "",
      ].join("\n"),
    });
  });

  it("lists what awaits a decision in all namespaces, also what no controller has seen", async () => {
    await client.patch(
      approvals,
      { namespace: "default", name: "files-1" },
      { type: "merge", body: { status: null } },
      { subresource: "status" },
    );
    const { text } = await list({ allNamespaces: true, pending: true });
    expect(text.split("\n").map((line) => line.split(/ +/).slice(0, 3))).toEqual([
      ["NAMESPACE", "NAME", "PHASE"],
      ["default", "files-1", "Pending"],
      ["team", "web-1", "Pending"],
      [""],
    ]);
  });

  it("gives programs the objects", async () => {
    const { items } = JSON.parse((await list({ output: "json" })).text) as { items: Approval[] };
    expect(items.map(({ metadata }) => metadata.name)).toEqual(["files-1", "files-0"]);
  });

  it("says that there are none", async () => {
    expect((await list({ namespace: "empty", pending: true })).text).toBe("No pending Approvals in namespace empty.\n");
  });

  it("refuses what cannot be meant", async () => {
    await expect(list({ namespace: "a", allNamespaces: true })).rejects.toThrow(UsageError);
    await expect(list({ output: "xml" })).rejects.toThrow(/-o: "xml" is not known/);
  });
});

describe("slipway describe", () => {
  it("shows the whole picture, and every hidden character of it", async () => {
    await makeApproval("files-1", {
      spec: {
        effective: {
          source: { git: { url: "https://git.test/x", revision: "main" } },
          image: "ghcr.io/x/files@sha256:1",
          args: ["--a\u202eb", "two\nlines"],
          resources: { cpu: "1", memory: "1Gi", pids: 100 },
        },
        review: {
          enforcement: [{ field: "network.allowedHosts", enforcement: "Partial", reason: "names only" }],
          changes: [{ field: "image", from: '"a\u001b[2J"', to: '"b"' }, { field: "args" }],
          scan: { critical: 2, note: "x\u0007y" },
        },
        decisions: [
          { verdict: "Approved", by: "sec1", at: at(-1), reason: "fine\nPhase: Approved", policies: ["production"] },
        ],
      },
      status: { history: [{ type: "Requested", at: at(-3), by: "dev1" }] },
    });
    const { code, text } = await tell("files-1");
    expect(code).toBe(0);
    expect(text).toMatch(/^Approval: +default\/files-1$/m);
    expect(text).toMatch(/^Phase: +Pending, expires in 44h \(/m);
    expect(text).toMatch(/^Requested by: +dev1 \(devs\)$/m);
    expect(text).toMatch(
      /^Source: +git https:\/\/git\.test\/x at main, a name: what it means may change after approval$/m,
    );
    expect(text).toMatch(/^Resources: +cpu 1, memory 1Gi, pids 100$/m);
    expect(text).toMatch(/^Image: +ghcr\.io\/x\/files@sha256:1$/m);
    expect(text).toMatch(new RegExp(`^Digest: +${DIGEST}$`, "m"));
    expect(text).toMatch(/^ {2}production +foreign +ghcr\.io is not among the registries$/m);
    expect(text).toMatch(/^ {2}production +group security +2 +sec1 +-$/m);
    expect(text).toContain('  image\n    - "a\\u001b[2J"\n    + "b"\n  args\n    - (absent)\n    + (absent)\n');
    expect(text).toMatch(/^ {2}network\.allowedHosts +Partial +names only$/m);
    expect(text).toMatch(/^ {2}sec1 +Approved +\S+ +fine\\nPhase: Approved$/m);
    expect(text).toMatch(/Requested +dev1/);
    expect(text).toContain("critical: 2");
    expect(text).toContain("--a\\u202eb");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not come out.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  });

  it("says where nobody knows who asks", async () => {
    await makeApproval("files-1", { spec: { requesters: [{ username: "slipway:unknown" }, { username: "dev1" }] } });
    const { text } = await tell("files-1");
    expect(text).toMatch(/^Requested by: +somebody unknown: a ConfigMap or a tag changed, .*; dev1$/m);
    expect(text).toMatch(/^ {2}production +group security +2 /m);
  });

  it("says where no version was approved before", async () => {
    const changes = [
      { field: "backend", to: '"docker"' },
      { field: "image", to: '"x"' },
    ];
    await makeApproval("files-1", { spec: { review: { changes } } });
    expect((await tell("files-1")).text).toContain("CHANGES\n  all of it is new: no version was approved before\n");
  });

  it("shows a deployment with what is asked about it", async () => {
    await makeDeployment("files");
    await makeApproval("files-1");
    await makeApproval("files-0", { status: { phase: "Superseded" } });
    const { text } = await tell("files");
    expect(text).toMatch(/^Name: +files$/m);
    expect(text).toMatch(/^files-0 +Superseded /m);
    expect(text).toMatch(/^Approval: +default\/files-1$/m);
    expect(text).not.toMatch(/^Approval: +default\/files-0$/m);
  });

  it("says where nothing of the name was found", async () => {
    await expect(tell("nothing")).rejects.toThrow(
      'NAME: there is no RuntimeDeployment or Approval "nothing" in namespace "default"',
    );
    await expect(tell("a,b=c")).rejects.toThrow(UsageError);
  });
});

describe("slipway approve and reject", () => {
  it("show what they decide on and append to it", async () => {
    await makeApproval("files-1");
    const { code, text } = await decideOn("files-1", { reason: "looked at it" });
    expect(code).toBe(0);
    expect(text).toMatch(/^Digest: +v1:sha256:a+$/m);
    expect(text).toMatch(/\nApproved files-1 \(deployment files\)\. Still needed: policy production 2 more of 2\.\n$/);
    await decideOn("files-1", { verdict: "Rejected", reason: "no" });
    expect((await stored("files-1")).spec.decisions).toEqual([
      { verdict: "Approved", reason: "looked at it" },
      { verdict: "Rejected", reason: "no" },
    ]);
  });

  it("take a deployment's name where one is pending", async () => {
    await makeApproval("files-0", { status: { phase: "Expired" } });
    await makeApproval("files-1");
    await decideOn("files", { digest: DIGEST });
    expect((await stored("files-1")).spec.decisions).toHaveLength(1);
    await makeApproval("files-2");
    await expect(decideOn("files")).rejects.toThrow(
      'NAME: 2 Approvals of deployment "files" are pending in namespace "default"; name one: files-1, files-2',
    );
  });

  it.each<{ because: string; name?: string; options?: Partial<DecideOptions>; want: RegExp; usage?: true }>([
    {
      because: "the digest is another",
      options: { digest: OTHER },
      want: /^--digest: v1:sha256:b+ is not what files-1 is about/,
    },
    { because: "the digest is none", options: { digest: "latest" }, want: /^--digest: "latest" is none/, usage: true },
    { because: "the reason says nothing", options: { reason: " " }, want: /^--reason: "" says nothing/, usage: true },
    {
      because: "the reason is too long",
      options: { reason: "x".repeat(1_025) },
      want: /^--reason: 1025 characters/,
      usage: true,
    },
    { because: "nothing has that name", name: "other", want: /there is no Approval "other" in namespace "default"/ },
    { because: "the name is none", name: "../x", want: /^NAME: "\.\.\/x" is no name/, usage: true },
  ])("decide nothing where $because", async ({ name = "files-1", options = {}, want, usage }) => {
    await makeApproval("files-1");
    const failure = await decideOn(name, options).catch((error: Error) => error);
    expect(failure).toMatchObject({ message: expect.stringMatching(want) });
    expect(failure instanceof UsageError).toBe(usage === true);
    expect((await stored("files-1")).spec.decisions).toEqual([]);
  });

  it("say how one that is decided was decided", async () => {
    await makeApproval("files-1", { status: { phase: "Rejected", decidedBy: ["sec1"] } });
    await expect(decideOn("files-1")).rejects.toThrow(
      "Approval files-1 is Rejected already, by sec1; it can be decided no more",
    );
    await expect(decideOn("files")).rejects.toThrow("the newest, files-1, is Rejected");
    await makeApproval("old-1", { deployment: "old", status: { phase: "Expired" } });
    await expect(decideOn("old-1")).rejects.toThrow("'slipway request old' asks again");
  });

  it("ask whoever sits at a terminal, once they have seen it", async () => {
    await makeApproval("files-1");
    await expect(decideOn("files", { confirm: async () => false })).rejects.toThrow("nothing was decided");
    expect((await stored("files-1")).spec.decisions).toEqual([]);
    await decideOn("files", { confirm: async (question) => question.includes("Approve this?") });
    await decideOn("files", { digest: DIGEST, confirm: () => Promise.reject(new Error("asked")) });
    expect((await stored("files-1")).spec.decisions).toHaveLength(2);
  });

  it("decide nothing about another that took the name meanwhile", async () => {
    await makeApproval("files-1");
    const swap = async () => {
      await client.delete(approvals, { namespace: "default", name: "files-1" });
      await makeApproval("files-1", { spec: { effective: { image: "evil" } } });
      return true;
    };
    await expect(decideOn("files-1", { confirm: swap })).rejects.toThrow(
      "Approval files-1 is no longer the one shown above, so nothing was decided",
    );
    expect((await stored("files-1")).spec.decisions).toEqual([]);
  });

  it("decide beside another's decision that came meanwhile", async () => {
    await makeApproval("files-1");
    const other = async () => (await decideOn("files-1", { reason: "first" })).code === 0;
    await decideOn("files-1", { confirm: other, reason: "second" });
    expect((await stored("files-1")).spec.decisions.map(({ reason }) => reason)).toEqual(["first", "second"]);
  });
});

describe("slipway request", () => {
  const annotation = async () =>
    (await client.get(runtimeDeployments, { namespace: "default", name: "files" })).metadata.annotations?.[
      "slipway.dev/request"
    ];

  it.each<{
    because: string;
    phase?: NonNullable<Approval["status"]>["phase"];
    foreign?: true;
    want: RegExp;
    asks: boolean;
    code: number;
  }>([
    { because: "nothing was asked", want: /^Nothing to ask: no policy/, asks: false, code: 0 },
    {
      because: "one of its name before it was asked about",
      phase: "Expired",
      foreign: true,
      want: /^Nothing to ask: no policy/,
      asks: false,
      code: 0,
    },
    { because: "it expired", phase: "Expired", want: /^Asked again, since files-1 has expired/, asks: true, code: 0 },
    {
      because: "it is pending",
      phase: "Pending",
      want: /^Asked already: files-1 awaits a decision until /,
      asks: false,
      code: 0,
    },
    {
      because: "it is approved",
      phase: "Approved",
      want: /^Nothing to ask: files-1 is Approved/,
      asks: false,
      code: 0,
    },
    {
      because: "it is rejected",
      phase: "Rejected",
      want: /^files-1 was rejected by sec1: not this\. A rejected version stays/,
      asks: false,
      code: 1,
    },
  ])("answers where $because", async ({ phase, foreign, want, asks, code }) => {
    const { metadata } = await makeDeployment("files");
    if (phase) {
      const decisions: Approval["spec"]["decisions"] =
        phase === "Rejected" ? [{ verdict: "Rejected", by: "sec1", reason: "not this" }] : [];
      await makeApproval("files-1", { uid: foreign ? "gone" : metadata.uid, status: { phase }, spec: { decisions } });
    }
    const answer = await ask("files");
    expect(answer).toEqual({ code, text: expect.stringMatching(want) });
    expect((await annotation()) !== undefined).toBe(asks);
  });

  const approvedCondition = (reason: string, message: string) => ({
    conditions: [
      {
        ...{ type: "Approved", status: "False" as const, reason, message, lastTransitionTime: ASKED },
        observedGeneration: 1,
      },
    ],
  });

  it("asks for what was written past admission", async () => {
    await makeDeployment("files", approvedCondition("AdmissionMissing", "it was changed behind its back"));
    const want = "Asked for files as it stands. It was held: it was changed behind its back\n";
    expect(await ask("files")).toEqual({ code: 0, text: want });
    expect(await annotation()).toBeDefined();
  });

  it("asks where one of several policies got no answer, and not where a later question did", async () => {
    const { metadata } = await makeDeployment("files", approvedCondition("ApprovalExpired", "nobody decided"));
    const uid = metadata.uid;
    await makeApproval("files-1", { uid, status: { phase: "Expired" }, spec: { requestedAt: at(-50) } });
    await makeApproval("files-2", { uid, status: { phase: "Approved" } });
    expect((await ask("files")).text).toMatch(/^Asked again, since files-1 has expired/);
    const later = { status: approvedCondition("Approved", "") };
    const key = { namespace: "default", name: "files" };
    await client.patch(runtimeDeployments, key, { type: "merge", body: later }, { subresource: "status" });
    expect((await ask("files")).text).toBe("Nothing to ask: files-2 is Approved.\n");
  });

  it("asks anew each time", async () => {
    const { metadata } = await makeDeployment("files");
    await makeApproval("files-1", { uid: metadata.uid, status: { phase: "Expired" } });
    await ask("files");
    const first = await annotation();
    await ask("files");
    expect(await annotation()).not.toBe(first);
  });

  it("names a deployment that is not there", async () => {
    await expect(ask("nothing")).rejects.toThrow('"nothing" in namespace "default"');
  });
});
