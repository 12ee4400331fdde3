import { createHash } from "node:crypto";
import { globSync, readFileSync, statSync } from "node:fs";
import { RENDERER, renderChart } from "./render.ts";
import { CHART, defaultValues } from "./values.ts";

/** What the chart makes of its defaults, for those without Helm. */
export const INSTALL_MANIFEST = "manifests/install.yaml";

const HEADER = `# Slipway in a cluster, without Helm: what charts/slipway makes of its defaults. Made by \`make install-manifest\`; do not edit.
#   kubectl apply --server-side -f manifests/install.yaml
# To remove it, delete all RuntimeDeployments, wait until they are gone, and keep the kinds and the namespace with its keys:
#   kubectl delete -f manifests/install.yaml -l 'app.kubernetes.io/component notin (crd, namespace)'
`;

const NAMESPACE = `apiVersion: v1
kind: Namespace
metadata:
  name: slipway-system
  labels:
    app.kubernetes.io/name: slipway
    app.kubernetes.io/component: namespace
    app.kubernetes.io/part-of: slipway
    pod-security.kubernetes.io/enforce: restricted
`;

/** The namespace and the CRDs come first, so that all else finds them. */
const FIRST = ["templates/crds.yaml", "templates/service-account.yaml"];
/** Notes, and what only \`helm uninstall\` asks for. */
const HELM_ONLY = ["templates/NOTES.txt", "templates/uninstall.yaml"];

/** Needs Go. */
export function installManifest(): string {
  const rendered = renderChart({ values: defaultValues(), service: "kubectl" });
  const rank = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  const parts = Object.keys(rendered)
    .filter((name) => !HELM_ONLY.includes(name))
    .sort()
    .sort((a, b) => rank(a) - rank(b))
    .map((name) => (rendered[name] ?? "").replace(/^ *helm\.sh\/chart: .*\n/gm, ""))
    .flatMap((text) => text.split(/^---$/m))
    .map((text) => text.trim())
    .filter((text) => text !== "");
  return sealed([NAMESPACE.trim(), ...parts].join("\n---\n"));
}

/**
 * Undefined where it is what the chart makes, as far as can be told without rendering: neither the chart nor the renderer nor the
 * manifest itself changed since it was made.
 */
export function installManifestProblem(): string | undefined {
  const text = readFileSync(INSTALL_MANIFEST, "utf8");
  const body = text.slice(text.indexOf("\n---\n") + "\n---\n".length);
  if (sealed(body.trimEnd()) === text) return undefined;
  return `${INSTALL_MANIFEST} is not what the chart makes: run 'make install-manifest' and commit it`;
}

function sealed(body: string): string {
  return `${HEADER}# Of inputs ${inputsDigest()} and text ${digest([body])}.\n---\n${body}\n`;
}

function inputsDigest(): string {
  const files = globSync([`${CHART}/**`, `${CHART}/.helmignore`, `${RENDERER}/*.go`]).sort();
  const inputs = files.filter((file) => statSync(file).isFile() && !file.endsWith("README.md"));
  return digest(inputs.flatMap((file) => [file, readFileSync(file, "utf8")]));
}

function digest(texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text.length}:${text}`);
  return `sha256:${hash.digest("hex")}`;
}
