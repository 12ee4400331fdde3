import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { AdmissionEvent } from "../../src/admission/observer.ts";
import { type Secret, secrets } from "../../src/api/core.ts";
import type { Approval, ApprovalPolicy, RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { CONTROLLER_USER } from "../../src/approvals/people.ts";
import { sealOf } from "../../src/approvals/seal.ts";
import { STAMP_KEY_SECRET, type StampKeys, stampKeysIn } from "../../src/approvals/stamp-keys.ts";
import { type AdmissionMode, admissionOf } from "../../src/cli/admission-mode.ts";
import { type Clock, systemClock } from "../../src/machinery/clock.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { kubeconfigOf, startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { decisionPatch } from "../support/approval-people.ts";
import { Kubectl, type KubectlResult } from "../support/kubectl.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const HOUR = 3_600_000;

/** The system's clock, set forward or back. */
class JumpingClock implements Clock {
  aheadMs = 0;
  readonly monotonicMs = systemClock.monotonicMs;
  readonly schedule = systemClock.schedule;

  now(): Date {
    return new Date(Date.now() + this.aheadMs);
  }
}

/**
 * Ways around an approval that time, policies and haste could open: what admission makes of them, asked by real kubectl in both
 * ways. Approvals are made by the controller's identity, with its seal, and no controller runs. What needs one to go wrong
 * is in test/e2e/approvals-bypasses.
 */
describe.each<AdmissionMode>(["inprocess", "webhook"])(
  "asked by %s, admission lets nobody get around an approval",
  (mode) => {
    const clock = new JumpingClock();
    const events: AdmissionEvent[] = [];
    let server: TestApiServer;
    let client: DisposableKubeClient;
    let admin: Kubectl;
    let controller: Kubectl;
    let keys: StampKeys;
    const people = new Map<string, Kubectl>();

    beforeAll(async () => {
      const observer = { observe: (event: AdmissionEvent) => events.push(event) };
      const admission = admissionOf(mode, { clock, logger: recordingLogger().logger, observer });
      const started = await startTestApiServer(admission.options);
      server = {
        ...started,
        async [Symbol.asyncDispose]() {
          await started[Symbol.asyncDispose]();
          await admission[Symbol.asyncDispose]();
        },
      };
      admin = new Kubectl(server.kubeconfig);
      client = await createKubeClient({ kubeconfigPath: server.kubeconfig });
      const found = stampKeysIn(await client.get<Secret>(secrets, STAMP_KEY_SECRET));
      if (!found) throw new Error("there is no key");
      keys = found;
      const bind = (name: string, role: string, user: string) =>
        admin.run(["create", "clusterrolebinding", name, `--clusterrole=${role}`, `--user=${user}`]);
      await bind("controller", "cluster-admin", CONTROLLER_USER);
      const token = (await admin.run(["create", "token", "slipway-controller", "-n", "slipway-system"])).trim();
      const file = join(server.dataDir, "controller.kubeconfig");
      const { url, caPem } = server;
      await writeFile(file, JSON.stringify(kubeconfigOf({ url, caPem, name: "controller", token })));
      controller = new Kubectl(file);
      const members = { dana: [], sam: ["security"], kim: ["security"], carol: [], mallory: [] };
      for (const [name, groups] of Object.entries(members)) {
        people.set(name, new Kubectl(await server.addUser(name, groups)));
        for (const role of ["slipway-developer", "slipway-approver"]) await bind(`${name}-${role}`, role, name);
      }
    });
    afterAll(async () => {
      client?.[Symbol.dispose]();
      await server?.[Symbol.asyncDispose]();
    });
    beforeEach(() => {
      clock.aheadMs = 0;
    });

    const as = (name: string): Kubectl => {
      const found = people.get(name);
      if (!found) throw new Error(`${name} was not added`);
      return found;
    };
    const input = (object: object) => ({ input: JSON.stringify(object) });

    const policySpec = (spec: object = {}) => ({
      rules: [{ name: "everything", sourceTypes: ["image", "git"] }],
      approvers: { groups: ["security"] },
      escalation: { afterHours: 24, users: ["carol"] },
      ...spec,
    });
    let made = 0;
    const makePolicy = async (name: string, spec: object = {}): Promise<ApprovalPolicy> => {
      const object = {
        apiVersion: "slipway.dev/v1alpha1",
        kind: "ApprovalPolicy",
        metadata: { name },
        spec: policySpec(spec),
      };
      await admin.run(["apply", "-f", "-"], input(object));
      return await admin.get<ApprovalPolicy>("approvalpolicy", name);
    };

    /** What the controller asks about a new deployment of dana's under a new policy, decisions of nobody yet. */
    async function ask({ policy: policyOf = {}, deployment, requester = "dana", required = 1 }: AskOptions = {}) {
      made += 1;
      const name = `d${made}`;
      const policy = await makePolicy(`p${made}`, policyOf);
      if (!deployment) await as("dana").run(["create", "-f", "-"], input(wish(name)));
      const { metadata } = deployment ?? (await admin.get<RuntimeDeployment>("rtd", name));
      const unsealed = {
        apiVersion: "slipway.dev/v1alpha1",
        kind: "Approval",
        metadata: { name: `${name}-asked`, namespace: "default" },
        spec: {
          deploymentRef: { name: metadata.name, uid: metadata.uid },
          digest: `v1:sha256:${"a".repeat(64)}`,
          effective: { image: "x" },
          requesters: [{ username: requester }],
          requestedAt: new Date().toISOString(),
          policies: [
            {
              ...{ name: policy.metadata.name, uid: policy.metadata.uid, timeoutHours: 48 },
              approvers: { groups: ["security"], required },
              escalation: { afterHours: 24, users: ["carol"] },
            },
          ],
          triggers: [{ policy: policy.metadata.name, rule: "everything", message: "source type image" }],
          decisions: [],
        },
      } satisfies object;
      const approval = { ...unsealed, spec: { ...unsealed.spec, seal: sealOf(unsealed, keys) } };
      await controller.run(["create", "-f", "-"], input(approval));
      return { name: approval.metadata.name, policy, object: approval };
    }
    interface AskOptions {
      readonly policy?: object;
      readonly deployment?: RuntimeDeployment;
      readonly requester?: string;
      readonly required?: number;
    }
    const wish = (name: string) => ({
      ...{ apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment", metadata: { name, namespace: "default" } },
      spec: { source: { image: { reference: "registry.test/x:1" } } },
    });

    const decide = (by: string, name: string, verdict: "Approved" | "Rejected" = "Approved") =>
      as(by).try(["patch", "approval", name, "--type=json", "-p", decisionPatch(verdict, "because")]);
    const decisions = async (name: string) => (await admin.get<Approval>("approval", name)).spec.decisions;
    const close = (name: string, phase: string) => {
      const body = JSON.stringify({ status: { phase } });
      return controller.run(["patch", "approval", name, "--subresource=status", "--type=merge", "-p", body]);
    };

    /** Refused with these words, nothing was stored, and it is known who tried. */
    async function refused(
      by: string,
      name: string,
      attempt: () => Promise<KubectlResult>,
      because: RegExp,
    ): Promise<void> {
      const before = await decisions(name);
      const since = events.length;
      const { code, stderr } = await attempt();
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(because) });
      expect(stderr).toContain(`approvals.slipway.dev "${name}" is forbidden: `);
      expect(await decisions(name)).toEqual(before);
      expect(events.slice(since)).toContainEqual(
        expect.objectContaining({
          type: "Refused",
          who: expect.objectContaining({ username: by }),
          object: expect.objectContaining({ kind: "Approval", name }),
          reason: expect.stringMatching(because),
        }),
      );
    }
    const passed = async (attempt: Promise<KubectlResult>) =>
      expect(await attempt).toMatchObject({ code: 0, stderr: "" });

    describe("by a clock that jumps:", () => {
      it("what has expired stays so when the clock goes back", async () => {
        const { name } = await ask();
        clock.aheadMs = 48 * HOUR;
        await refused("sam", name, () => decide("sam", name), /it is Expired/);
        await close(name, "Expired");
        clock.aheadMs = 0;
        await refused("sam", name, () => decide("sam", name), /it is Expired/);
        clock.aheadMs = -100 * HOUR;
        await refused("sam", name, () => decide("sam", name), /it is Expired/);
      });

      it("whoever it is escalated to decides from its time on, and no longer once the clock went back", async () => {
        const { name } = await ask({ required: 2 });
        await refused("carol", name, () => decide("carol", name), /you are no approver of /);
        clock.aheadMs = 25 * HOUR;
        await passed(decide("kim", name));
        clock.aheadMs = 0;
        await refused("carol", name, () => decide("carol", name), /you are no approver of /);
        clock.aheadMs = 25 * HOUR;
        await passed(decide("carol", name));
        expect((await decisions(name)).map(({ by }) => by)).toEqual(["kim", "carol"]);
      });

      it("a rejection stays one at any time", async () => {
        const { name } = await ask();
        await passed(decide("sam", name, "Rejected"));
        for (const hours of [-1_000, 0, 47, 1_000]) {
          clock.aheadMs = hours * HOUR;
          await refused("kim", name, () => decide("kim", name), /it is Rejected/);
        }
      });
    });

    describe("by a policy that changes meanwhile:", () => {
      it("whoever is taken off it decides no more, also where the request names them", async () => {
        const { name, policy } = await ask();
        await makePolicy(policy.metadata.name, { approvers: { users: ["kim"] } });
        await refused("sam", name, () => decide("sam", name), /you are no approver of /);
        await passed(decide("kim", name));
      });

      it("one that is deleted leaves its approvers in charge", async () => {
        const { name, policy } = await ask();
        await admin.run(["delete", "approvalpolicy", policy.metadata.name]);
        await refused("mallory", name, () => decide("mallory", name), /you are no approver of /);
        await passed(decide("sam", name));
      });

      it("another of its name makes nobody an approver of what was asked before", async () => {
        const { name, policy } = await ask();
        await admin.run(["delete", "approvalpolicy", policy.metadata.name]);
        await makePolicy(policy.metadata.name, { approvers: { users: ["mallory"] } });
        await refused("mallory", name, () => decide("mallory", name), /you are no approver of /);
      });

      it("requesters stay out where it has begun to let them in since", async () => {
        const { name, policy } = await ask({ requester: "sam" });
        await makePolicy(policy.metadata.name, { requesterMayApprove: true });
        await refused("sam", name, () => decide("sam", name), /it is your own request/);
      });
    });

    describe("by haste:", () => {
      it("one person in many requests at once decides once", async () => {
        const { name } = await ask({ required: 2 });
        const results = await Promise.all(Array.from({ length: 12 }, () => decide("sam", name)));
        expect(results.filter(({ code }) => code === 0)).toHaveLength(1);
        for (const { code, stderr } of results) if (code !== 0) expect(stderr).toContain("you have decided already");
        expect(await decisions(name)).toHaveLength(1);
      });

      it("two people at once both count, and nothing of either is lost", async () => {
        const { name } = await ask({ required: 2 });
        await Promise.all([passed(decide("sam", name)), passed(decide("kim", name))]);
        expect((await decisions(name)).map(({ by }) => by).toSorted()).toEqual(["kim", "sam"]);
      });

      it("nothing is decided about a deployment that is gone", async () => {
        const { name, object } = await ask();
        const deployment = object.spec.deploymentRef.name;
        await as("dana").run(["delete", "rtd", deployment]);
        await refused("sam", name, () => decide("sam", name), /was deleted/);
        await as("dana").run(["create", "-f", "-"], input(wish(deployment)));
        await refused("sam", name, () => decide("sam", name), /was deleted/);
      });
    });

    describe("by acting as somebody else:", () => {
      it("an administrator who acts as an approver is none", async () => {
        const { name } = await ask();
        const patch = ["patch", "approval", name, "--type=json", "-p", decisionPatch("Approved", "because")];
        const sam = ["--as", "sam", "--as-group", "security"];
        await refused("admin", name, () => admin.try([...patch, ...sam]), /you are no approver of /);
      });

      it("nor the controller, who acts as it", async () => {
        const { object } = await ask();
        const copy = { ...object, metadata: { ...object.metadata, name: `${object.metadata.name}-2` } };
        const made = await admin.try(["create", "-f", "-", "--as", CONTROLLER_USER], input(copy));
        expect(made).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/only Slipway's controller makes Approvals/),
        });
      });

      it("an edit is of whoever makes it, in whose name it may be", async () => {
        await admin.run(["create", "-f", "-", "--as", "dana"], input(wish("acted")));
        const { metadata } = await admin.get<RuntimeDeployment>("rtd", "acted");
        const { entries } = JSON.parse(metadata.annotations?.["slipway.dev/requesters"] ?? "") as {
          entries: { user: string }[];
        };
        expect(entries.map(({ user }) => user)).toEqual(["admin"]);
      });
    });

    describe("by the controller's own identity:", () => {
      const create = (object: object) => controller.try(["create", "-f", "-"], input(object));
      const renamed = <T extends { metadata: object }>(object: T, name: string) => ({
        ...object,
        metadata: { ...object.metadata, name },
      });

      it("nothing is made that is decided, or that its seal does not fit", async () => {
        const { object } = await ask();
        const decision = { verdict: "Approved", by: "sam", at: new Date().toISOString(), policies: ["p"], stamp: "x" };
        for (const [bad, because] of [
          [
            { ...renamed(object, "decided"), spec: { ...object.spec, decisions: [decision] } },
            /nobody decides before it is asked/,
          ],
          [renamed(object, "elsewhere"), /spec.seal does not fit/],
          [{ ...renamed(object, "unsealed"), spec: { ...object.spec, seal: "" } }, /spec.seal does not fit/],
        ] as const) {
          expect(await create(bad)).toMatchObject({ code: 1, stderr: expect.stringMatching(because) });
        }
      });

      it("nothing is decided, and nothing of what is asked changes", async () => {
        const { name } = await ask();
        const patch = (body: object) =>
          controller.try(["patch", "approval", name, "--type=merge", "-p", JSON.stringify(body)]);
        const added = decisionPatch("Approved", "because");
        const own = () => controller.try(["patch", "approval", name, "--type=json", "-p", added]);
        await refused(CONTROLLER_USER, name, own, /you are no approver of /);
        for (const body of [
          { spec: { requesters: [{ username: "somebody" }] } },
          { spec: { policies: [] } },
          { spec: { effective: { image: "y" } } },
          { metadata: { labels: { a: "b" } } },
          { metadata: { annotations: { a: "b" } } },
          { metadata: { ownerReferences: [], finalizers: ["a.b/c"] } },
        ]) {
          await refused(CONTROLLER_USER, name, () => patch(body), /only a decision may be added to it/);
        }
      });
    });
  },
);
