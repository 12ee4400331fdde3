import { eventually } from "../../support/eventually.ts";
import { startWebhookServer, type WebhookServer } from "../../support/webhook-server.ts";
import { configMap } from "./objects.ts";
import { type Namespace, type Suite, suffix } from "./suite.ts";
import { isExternal } from "./target.ts";

/** Where the API server finds this machine; ours is on it. Undefined: nobody has said how a foreign one reaches us. */
const host = process.env.CONFORMANCE_WEBHOOK_HOST ?? (isExternal ? undefined : "127.0.0.1");

export const canBeCalled = host !== undefined;
export const whySkipped = canBeCalled
  ? ""
  : " (skipped: CONFORMANCE_WEBHOOK_HOST does not say how to reach this machine)";

export interface Hooked {
  readonly server: WebhookServer;
  readonly ns: Namespace;
  /** Name of the webhook that `install` made first. */
  readonly name: string;
}

export interface HookOptions {
  /** One for each webhook; path `/0`, `/1` and so on. */
  readonly hooks?: readonly object[];
  /** Validating ones unless told otherwise. */
  readonly mutating?: boolean;
  /** The namespace; a new one unless told otherwise. */
  readonly ns?: Namespace;
}

/**
 * A namespace with webhooks for its ConfigMaps, which are called from here on. A server of more than one part learns of a
 * configuration a little later, so a dry run is tried until it arrives.
 */
export async function install(suite: Suite, options: HookOptions = {}): Promise<Hooked> {
  const { hooks = [{}], mutating = false, ns = await suite.namespace() } = options;
  const server = await listening(suite);
  const plural = mutating ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations";
  const name = `conformance-${suffix()}`;
  const path = `/apis/admissionregistration.k8s.io/v1/${plural}`;
  suite.removeLater(`${path}/${name}`);
  await suite.api.create(path, {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration",
    metadata: { name },
    webhooks: hooks.map((hook, index) => ({
      name: `hook-${index}.conformance.example.com`,
      clientConfig: { url: `https://${host}:${server.port}/${index}`, caBundle: server.caBundle },
      rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["*"], scope: "*" }],
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": ns.name } },
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      timeoutSeconds: 10,
      ...hook,
    })),
  });
  const probe = {
    body: configMap("probe", { metadata: { labels: { selected: "yes" } }, data: { watched: "yes" } }),
    query: { dryRun: "All" },
  };
  await eventually("the webhook is called", async () => {
    await suite.api.send("POST", ns.core("configmaps"), probe);
    return server.requests.length > 0;
  });
  server.requests.length = 0;
  return { server, ns, name: "hook-0.conformance.example.com" };
}

async function listening(suite: Suite): Promise<WebhookServer> {
  if (host === undefined) throw new Error("this case needs CONFORMANCE_WEBHOOK_HOST");
  const server = await startWebhookServer([host], host === "127.0.0.1" ? host : "0.0.0.0");
  suite.defer(async () => server[Symbol.asyncDispose]());
  return server;
}
