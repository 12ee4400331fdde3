import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { Kubectl } from "../support/kubectl.ts";
import { codeBlocks } from "../support/markdown.ts";

/** How README.md says to install it in a cluster. What it says for one machine is run by test/e2e/docs.test.ts. */

const MINUTE = 60_000;
const BLOCKS = codeBlocks("README.md").filter(({ language }) => language === "bash");

let server: TestApiServer;
let kubectl: Kubectl;
let programs: string;
beforeEach(async () => {
  // Kinds and namespace come with the installation.
  server = await startTestApiServer({ crds: [] });
  kubectl = new Kubectl(server.kubeconfig);
  // The embedded API brings roles of these names along, which a cluster does not.
  await kubectl.run([
    "delete",
    "--ignore-not-found",
    "-f",
    "manifests/rbac/roles.yaml",
    "-f",
    "manifests/rbac/controller.yaml",
  ]);
  programs = mkdtempSync(join(tmpdir(), "slipway-programs-"));
  const helm = [process.execPath, resolve("test/support/helm.ts")].map((each) => JSON.stringify(each)).join(" ");
  writeFileSync(join(programs, "helm"), `#!/bin/sh\nexec ${helm} "$@"\n`, { mode: 0o755 });
});
afterEach(async () => {
  rmSync(programs, { recursive: true });
  await server[Symbol.asyncDispose]();
});

async function bash(script: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = [programs, process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path, KUBECONFIG: server.kubeconfig };
  return await new Promise((done) => {
    execFile("bash", ["-euo", "pipefail", "-c", script], { env, timeout: MINUTE }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

describe("README.md", () => {
  it("installs by Helm, from a file, and by Kustomize", () => {
    expect(BLOCKS.map(({ text }) => text.split(" ").slice(0, 2).join(" "))).toEqual([
      "helm install",
      "kubectl apply",
      "kubectl apply",
    ]);
  });

  it.each(BLOCKS)(
    "line $line gives a controller, its kinds and its webhooks",
    async ({ text }) => {
      const { code, stdout, stderr } = await bash(text);
      // The embedded API has all kinds but this one.
      const problems = stderr.split("\n").filter((line) => line !== "" && !line.includes("PodDisruptionBudget"));
      expect(problems.filter((line) => !line.startsWith("ensure CRDs are installed"))).toEqual([]);
      if (stderr === "") expect(code).toBe(0);
      expect(stdout).toMatch(/STATUS: deployed|serverside-applied/);
      const [deployment, kinds, webhooks] = await Promise.all([
        kubectl.run([
          "get",
          "deployment",
          "slipway-controller",
          "-n",
          "slipway-system",
          "-o",
          "jsonpath={.spec.replicas}",
        ]),
        kubectl.run(["get", "crds", "-l", "app.kubernetes.io/name=slipway", "-o", "name"]),
        kubectl.run(["get", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "-o", "name"]),
      ]);
      expect(deployment).toBe("2");
      expect(kinds.trim().split("\n")).toHaveLength(6);
      expect(webhooks.trim().split("\n")).toHaveLength(2);
    },
    2 * MINUTE,
  );
});
