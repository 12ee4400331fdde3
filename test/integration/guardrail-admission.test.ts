import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { AdmissionMode } from "../../src/cli/admission-mode.ts";
import { BUILT_IN_PROFILES as BUILT_INS } from "../../src/guardrails/built-in.ts";
import { isExternalCluster } from "../support/cluster/cluster.ts";
import { ClusterProcess } from "../support/cluster/cluster-process.ts";
import { eventually } from "../support/eventually.ts";
import { startGuarded } from "../support/guarded-server.ts";
import { Kubectl } from "../support/kubectl.ts";

/** What the real kubectl is told by a server that guards guardrail profiles. */

const BUILT_IN = "it ships with Slipway and its spec cannot be changed";
const typed = { apiVersion: "slipway.dev/v1alpha1" };

const profile = (name: string, spec: object = {}, metadata: object = {}) => ({
  ...{ ...typed, kind: "GuardrailProfile", metadata: { name, ...metadata } },
  spec,
});
const deployment = (name: string, guardrails?: object, namespace = "default") => ({
  ...{ ...typed, kind: "RuntimeDeployment", metadata: { name, namespace } },
  spec: { source: { image: { reference: "registry.test/x:1" } }, ...(guardrails && { guardrails }) },
});

const BY_WEBHOOK = 'admission webhook "guardrails.admission.slipway.dev" denied the request: ';

/** `controller` is `slipway controller`, beside an API server that may be any. */
const MODES: readonly { mode: AdmissionMode | "controller"; denied: string }[] = [
  { mode: "inprocess", denied: "" },
  { mode: "webhook", denied: BY_WEBHOOK },
  { mode: "controller", denied: BY_WEBHOOK },
];

/** Another than the controller's is asked of the server alone. */
const isOurs = (mode: AdmissionMode | "controller"): mode is AdmissionMode => mode !== "controller";

async function start(mode: AdmissionMode | "controller"): Promise<AsyncDisposable & { readonly kubeconfig: string }> {
  if (isOurs(mode)) return startGuarded(mode);
  const process = await ClusterProcess.prepare({ certificates: "files" });
  await process.start();
  await process.untilAsked();
  return {
    kubeconfig: process.kubectl.kubeconfig,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

describe.each(MODES.filter(({ mode }) => !isExternalCluster || !isOurs(mode)))(
  "asked by $mode,",
  ({ mode, denied }) => {
    let server: Awaited<ReturnType<typeof start>>;
    let kubectl: Kubectl;
    const onlyOurs = (name: string, body: () => Promise<void>) => isOurs(mode) && it(name, body);

    beforeAll(async () => {
      server = await start(mode);
      kubectl = new Kubectl(server.kubeconfig);
      await kubectl.apply(...BUILT_INS);
    }, 120_000);
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
    }, 120_000);

    /** Waits until a dry run says so: a controller's caches follow a moment later. */
    async function untilSaid(args: readonly string[], want: string): Promise<void> {
      const look = async () => (await kubectl.try([...args, "--dry-run=server"])).stderr === want;
      await eventually(`kubectl ${args.join(" ")} is told ${JSON.stringify(want)}`, look);
    }

    /** Runs kubectl, expects it to be refused, and answers what it said. */
    async function refused(args: readonly string[], input?: object): Promise<string> {
      const { code, stderr, stdout } = await kubectl.try(args, input ? { input: JSON.stringify(input) } : {});
      if (code === 0) throw new Error(`kubectl ${args.join(" ")} was not refused:\n${stdout}`);
      return stderr;
    }

    const specOf = async (name: string) => (await kubectl.get<{ spec: object }>("grp", name)).spec;

    describe("a built-in profile", () => {
      const open = { network: { egressAllowed: true, allowedHosts: ["*"] } };
      const merge = ["patch", "grp", "airgapped", "--type=merge", "-p", JSON.stringify({ spec: open })];
      const json = '[{"op":"replace","path":"/spec/network/egressAllowed","value":true}]';
      it.each<{ how: string; args: string[]; input?: object }>([
        { how: "apply", args: ["apply", "-f", "-"], input: profile("airgapped", open) },
        {
          how: "server-side apply",
          args: ["apply", "--server-side", "--force-conflicts", "-f", "-"],
          input: profile("airgapped", open),
        },
        { how: "replace", args: ["replace", "-f", "-"], input: profile("airgapped", open) },
        { how: "a merge patch", args: merge },
        { how: "a JSON patch", args: ["patch", "grp", "airgapped", "--type=json", "-p", json] },
        { how: "a dry run", args: [...merge, "--dry-run=server"] },
      ])("is not widened by $how", async ({ args, input }) => {
        const before = await specOf("airgapped");
        const said = await refused(args, input);
        expect(said).toContain("Error from server (Forbidden)");
        expect(said).toContain(`${denied}guardrailprofiles.slipway.dev "airgapped" is forbidden: ${BUILT_IN} (`);
        expect(said).toContain("network.egressAllowed");
        expect(await specOf("airgapped")).toEqual(before);
      });

      // A controller puts its own status right at once.
      onlyOurs("is not widened through its status, which can be written", async () => {
        const before = await specOf("airgapped");
        const body = JSON.stringify({ spec: open, status: { deployments: 7 } });
        await kubectl.run(["patch", "grp", "airgapped", "--subresource=status", "--type=merge", "-p", body]);
        expect(await kubectl.get("grp", "airgapped")).toMatchObject({ spec: before, status: { deployments: 7 } });
      });

      it("takes labels and annotations", async () => {
        await kubectl.run(["label", "grp", "standard", "team=a"]);
        await kubectl.run(["annotate", "grp", "standard", "note=b"]);
      });

      it("takes its own spec again, by every kind of write", async () => {
        const [standard] = BUILT_INS.filter(({ metadata }) => metadata.name === "standard");
        const input = JSON.stringify(standard);
        await kubectl.run(["apply", "--server-side", "--force-conflicts", "-f", "-"], { input });
        await kubectl.run(["replace", "-f", "-"], { input });
      });

      it.each([
        { how: "delete", args: ["delete", "grp", "standard"] },
        { how: "delete without waiting", args: ["delete", "grp", "standard", "--force", "--grace-period=0"] },
        { how: "delete of all", args: ["delete", "grp", "--all"] },
        { how: "a dry run", args: ["delete", "grp", "standard", "--dry-run=server"] },
        { how: "deletecollection", args: ["delete", "--raw", "/apis/slipway.dev/v1alpha1/guardrailprofiles"] },
      ])("is not deleted by $how", async ({ args }) => {
        const said = await refused(args);
        expect(said).toMatch(
          /guardrailprofiles\.slipway\.dev "\w+" is forbidden: it ships with Slipway and cannot be deleted/,
        );
        const { items } = await kubectl.get<{ items: { metadata: { name: string } }[] }>("grp");
        expect(items.map(({ metadata }) => metadata.name)).toEqual(
          expect.arrayContaining(BUILT_INS.map((each) => each.metadata.name)),
        );
      });

      it("is not collected with an owner that never was", async () => {
        const owner = { apiVersion: "v1", kind: "Namespace", name: "nobody", uid: "0" };
        const body = (owners: object[]) => JSON.stringify({ metadata: { ownerReferences: owners } });
        await kubectl.run(["patch", "grp", "standard", "--type=merge", "-p", body([owner])]);
        await new Promise((resolve) => setTimeout(resolve, 300));
        await kubectl.run(["patch", "grp", "standard", "--type=merge", "-p", body([])]);
      });

      onlyOurs("has no namesake of another spec", async () => {
        const other = await start(mode);
        try {
          const empty = new Kubectl(other.kubeconfig);
          const { stderr } = await empty.try(["create", "-f", "-"], {
            input: JSON.stringify(profile("standard", open)),
          });
          expect(stderr).toContain(`${denied}guardrailprofiles.slipway.dev "standard" is forbidden: ${BUILT_IN} (`);
        } finally {
          await other[Symbol.asyncDispose]();
        }
      });
    });

    describe("a profile of one's own", () => {
      it("is made, changed and deleted", async () => {
        await kubectl.apply(profile("fleeting", { runAsNonRoot: true }));
        expect(await specOf("fleeting")).toMatchObject({ network: { egressAllowed: false }, runAsNonRoot: true });
        await kubectl.run(["patch", "grp", "fleeting", "--type=merge", "-p", '{"spec":{"runAsNonRoot":false}}']);
        const { stderr } = await kubectl.try(["create", "-f", "-"], { input: JSON.stringify(profile("fleeting")) });
        expect(stderr).toContain("AlreadyExists");
        await kubectl.run(["delete", "grp", "fleeting"]);
      });

      it("stays as long as it is used, by whom is said", async () => {
        await kubectl.apply(profile("payments"), deployment("pays", { profile: "payments" }));
        await kubectl.run(["create", "namespace", "bounded"]);
        await kubectl.run(["label", "namespace", "bounded", "slipway.dev/guardrails-bound=payments"]);
        await kubectl.apply({
          ...{ ...typed, kind: "RuntimeBackend", metadata: { name: "bounded" } },
          spec: { type: "docker", guardrailsBound: "payments" },
        });
        const refusal = (users: string) =>
          `Error from server (Conflict): ${denied}Operation cannot be fulfilled on guardrailprofiles.slipway.dev "payments": it is in use by ${users}. Let them name another profile, or delete them, first\n`;
        const [deployments, namespaces, backends] = [
          "RuntimeDeployment default/pays",
          "Namespace bounded (label slipway.dev/guardrails-bound)",
          "RuntimeBackend bounded (spec.guardrailsBound)",
        ];
        const gone = ["delete", "grp", "payments"];
        const all = refusal(`${deployments}; by ${namespaces}; by ${backends}`);
        await untilSaid(gone, all);
        expect(await refused(gone)).toBe(all);
        await kubectl.run([
          "patch",
          "rtd",
          "pays",
          "--type=merge",
          "-p",
          '{"spec":{"guardrails":{"profile":"standard"}}}',
        ]);
        await untilSaid(gone, refusal(`${namespaces}; by ${backends}`));
        expect(await refused(gone)).toBe(refusal(`${namespaces}; by ${backends}`));
        await kubectl.run(["label", "namespace", "bounded", "slipway.dev/guardrails-bound-"]);
        await untilSaid(gone, refusal(backends));
        expect(await refused(gone)).toBe(refusal(backends));
        await kubectl.run(["delete", "rtb", "bounded"]);
        await untilSaid(gone, "");
        await kubectl.run(gone);
        await kubectl.run(["delete", "namespace", "bounded", "--wait=false"]);
      });

      it("goes together with what uses it", async () => {
        const files = [profile("team"), deployment("one", { profile: "team" })];
        const held = { ...files[1], metadata: { name: "one", namespace: "default", finalizers: ["example.com/held"] } };
        await kubectl.apply(files[0] as object, held);
        const input = [held, files[0]].map((object) => JSON.stringify(object)).join("\n");
        if (isOurs(mode)) await kubectl.run(["delete", "--wait=false", "-f", "-"], { input });
        else {
          await kubectl.try(["delete", "--wait=false", "-f", "-"], { input });
          await eventually("it is not used any more", async () => {
            await kubectl.run(["delete", "grp", "team", "--ignore-not-found"]);
            return true;
          });
        }
        expect((await kubectl.try(["get", "grp", "team"])).stderr).toContain("NotFound");
        await kubectl.run(["patch", "rtd", "one", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
      });
    });

    describe("a value that nobody can read", () => {
      const network = { egressAllowed: true, allowedHosts: ["https://api.openai.com/v1"] };
      it.each([
        {
          where: "a profile",
          object: profile("unreadable", { network }),
          path: "spec.network.allowedHosts[0]",
          kind: "GuardrailProfile",
        },
        {
          where: "overrides",
          object: deployment("unreadable", { overrides: { network } }),
          path: "spec.guardrails.overrides.network.allowedHosts[0]",
          kind: "RuntimeDeployment",
        },
      ])("is refused in $where, with the remedy", async ({ object, path, kind }) => {
        expect(await refused(["create", "-f", "-"], object)).toBe(
          `The ${kind} "unreadable" is invalid: ${path}: Invalid value: https://api.openai.com/v1: is a URL; write only its host, api.openai.com\n`,
        );
        expect(await refused(["apply", "--server-side", "--dry-run=server", "-f", "-"], object)).toContain(
          "is invalid",
        );
      });
    });

    describe("a name that leads nowhere", () => {
      // Namespaces are judged by `slipway up` alone.
      const warned = [
        {
          of: "a deployment",
          object: deployment("lost", { profile: "nowhere" }),
          warning:
            'spec.guardrails.profile: GuardrailProfile "nowhere" does not exist; until it does, this deployment does not start',
        },
        {
          of: "a backend",
          object: {
            ...{ ...typed, kind: "RuntimeBackend", metadata: { name: "lost" } },
            spec: { type: "docker", guardrailsBound: "nowhere" },
          },
          warning:
            'spec.guardrailsBound: GuardrailProfile "nowhere" does not exist; until it does, no deployment starts on this backend',
        },
        {
          of: "a namespace",
          object: {
            ...{ apiVersion: "v1", kind: "Namespace" },
            metadata: { name: "lost", labels: { "slipway.dev/guardrails-bound": "nowhere" } },
          },
          warning:
            'metadata.labels[slipway.dev/guardrails-bound]: GuardrailProfile "nowhere" does not exist; until it does, no deployment starts in this namespace',
        },
      ].filter(({ of }) => isOurs(mode) || of !== "a namespace");
      it.each(warned)("warns whoever applies $of", async ({ object, warning }) => {
        const { code, stderr } = await kubectl.try(["apply", "--server-side", "-f", "-"], {
          input: JSON.stringify(object),
        });
        expect(code).toBe(0);
        expect(stderr).toBe(`Warning: ${warning}\n`);
      });
    });

    onlyOurs("ends with its kind, when an administrator removes that", async () => {
      const other = await start(mode);
      try {
        const cluster = new Kubectl(other.kubeconfig);
        await cluster.apply(...BUILT_INS);
        await cluster.run(["delete", "crd", "guardrailprofiles.slipway.dev", "--wait=false"]);
        await eventually("the definition is gone", async () => {
          const { stderr } = await cluster.try(["get", "crd", "guardrailprofiles.slipway.dev"]);
          return stderr.includes("NotFound");
        });
      } finally {
        await other[Symbol.asyncDispose]();
      }
    });
  },
);

const onlyHere = (name: string, body: () => Promise<void>) => !isExternalCluster && it(name, body);
onlyHere("is asked anew at each start, in the way of that start", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "slipway-api-"));
  const webhooks = ["get", "validatingwebhookconfiguration", "slipway-guardrails"];
  try {
    for (const mode of ["webhook", "inprocess", "webhook", "webhook"] as const) {
      const server = await startGuarded(mode, { dataDir });
      try {
        const cluster = new Kubectl(server.kubeconfig);
        await cluster.apply(...BUILT_INS);
        expect((await cluster.try(["delete", "grp", "standard"])).stderr).toContain("it ships with Slipway");
        expect((await cluster.try(webhooks)).code).toBe(mode === "webhook" ? 0 : 1);
      } finally {
        await server[Symbol.asyncDispose]();
      }
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
