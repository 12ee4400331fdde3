import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../../src/api/meta.ts";
import type { Kubectl } from "../kubectl.ts";

/** What only kubelets, or other controllers than ours, have a use for; and the webhooks, which come once somebody answers. */
const LEFT_OUT = ["Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"];
const WEBHOOKS = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

export interface InstalledWebhooks extends KubeObject {
  readonly webhooks: readonly { readonly name: string; readonly clientConfig: ClientConfig }[];
}

export interface ClientConfig {
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path: string;
    readonly port: number;
  };
  readonly caBundle?: string;
}

function manifests(): readonly (KubeObject | InstalledWebhooks)[] {
  const text = readFileSync(new URL("../../../manifests/install.yaml", import.meta.url), "utf8");
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as KubeObject | null) ?? []);
}

/** Installs the kinds, the namespace and the roles of manifests/install.yaml, as they stand there. */
export async function installManifests(kubectl: Kubectl): Promise<void> {
  const objects = manifests().filter(({ kind }) => ![...LEFT_OUT, ...WEBHOOKS].includes(kind));
  const apply = async (some: readonly KubeObject[]) => {
    const input = some.map((object) => JSON.stringify(object)).join("\n");
    await kubectl.run(["apply", "--server-side", "--force-conflicts", "-f", "-"], { input });
  };
  const isDefinition = ({ kind }: KubeObject) => kind === "CustomResourceDefinition";
  const definitions = objects.filter(isDefinition);
  await apply(definitions);
  const names = definitions.map(({ metadata }) => `customresourcedefinition/${metadata.name}`);
  await kubectl.run(["wait", "--for=condition=Established", "--timeout=60s", ...names]);
  await apply(objects.filter((object) => !isDefinition(object)));
}

/** Installs both configurations of manifests/install.yaml, but for where their webhooks are called. */
export async function installWebhooks(
  kubectl: Kubectl,
  clientConfigOf: (installed: ClientConfig) => ClientConfig,
): Promise<void> {
  const installed = manifests().filter(({ kind }) => WEBHOOKS.includes(kind)) as InstalledWebhooks[];
  const input = installed.map((each) => {
    const webhooks = each.webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: clientConfigOf(webhook.clientConfig),
    }));
    return JSON.stringify({ ...each, webhooks });
  });
  await kubectl.run(["apply", "--server-side", "--force-conflicts", "-f", "-"], { input: input.join("\n") });
}

export async function removeWebhooks(kubectl: Kubectl): Promise<void> {
  await kubectl.run([
    "delete",
    "--ignore-not-found",
    WEBHOOKS.map((kind) => kind.toLowerCase()).join(),
    "slipway-guardrails",
  ]);
}

/** Removes all of them, while a controller runs that clears away what deployments have made. */
export async function removeObjects(kubectl: Kubectl): Promise<void> {
  await removeWebhooks(kubectl);
  await kubectl.run(["delete", "runtimedeployments", "--all", "-A", "--timeout=60s"], { timeoutMs: 90_000 });
  await kubectl.run([
    "delete",
    "mcpgateways,approvals,approvalpolicies,runtimebackends",
    "--all",
    "-A",
    "--timeout=60s",
  ]);
}

/** Removes what `installManifests` has installed. */
export async function removeManifests(kubectl: Kubectl): Promise<void> {
  const objects = manifests().filter(({ kind }) => ![...LEFT_OUT, ...WEBHOOKS].includes(kind));
  const input = objects.map((object) => JSON.stringify(object)).join("\n");
  await kubectl.run(["delete", "--ignore-not-found", "--wait=false", "-f", "-"], { input });
}

interface Bindings {
  readonly items: readonly (KubeObject & { readonly subjects?: readonly { readonly name: string }[] })[];
}

/** Takes from people of these names what they were given. */
export async function removeBindings(kubectl: Kubectl, people: ReadonlySet<string>): Promise<void> {
  const { items } = await kubectl.get<Bindings>("clusterrolebindings,rolebindings", "-A");
  const input = items
    .filter(({ subjects = [] }) => subjects.some(({ name }) => people.has(name)))
    .map((binding) => JSON.stringify(binding));
  if (input.length > 0) await kubectl.run(["delete", "--ignore-not-found", "-f", "-"], { input: input.join("\n") });
}
