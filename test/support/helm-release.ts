import { uninstall } from "../../src/cli/uninstall.ts";
import type { Manifest, RenderedChart } from "./chart.ts";
import type { Kubectl } from "./kubectl.ts";

/** Helm's order of kinds at installation, as far as the chart has them; what it does not know comes last. Uninstalling goes backwards. */
const ORDER = [
  ...["NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "Secret", "ConfigMap", "CustomResourceDefinition"],
  ...["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Service", "Deployment", "Job", "Ingress"],
];

/** Kinds that the API server in question has. */
export type IsServed = (kind: string) => boolean;

const isHook = ({ metadata }: Manifest) => metadata.annotations?.["helm.sh/hook"] !== undefined;
const isKept = ({ metadata }: Manifest) => metadata.annotations?.["helm.sh/resource-policy"] === "keep";
const rank = ({ kind }: Manifest) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);

/** A release without Helm: what it does with the manifests, in its order. */
export class HelmRelease {
  readonly #kubectl: Kubectl;
  readonly #isServed: IsServed;

  constructor(kubectl: Kubectl, isServed: IsServed) {
    this.#kubectl = kubectl;
    this.#isServed = isServed;
  }

  /** Installs or upgrades, by server-side apply as Helm 4 does; what `before` had and `chart` has not goes, unless it is to be kept. */
  async apply(chart: RenderedChart, before?: RenderedChart): Promise<void> {
    // The embedded server brings roles of some of these names along.
    const apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=helm", "-f", "-"];
    await this.#kubectl.run(apply, inputOf(this.#ordered(chart)));
    const names = new Set(this.#ordered(chart).map(nameOf));
    const gone = before ? this.#ordered(before).filter((each) => !names.has(nameOf(each)) && !isKept(each)) : [];
    await this.#delete(gone);
  }

  /** Answers what the hook said where it refused, and then nothing was deleted. */
  async uninstall(chart: RenderedChart): Promise<string | undefined> {
    const refusal = await this.#preDelete(chart);
    if (refusal !== undefined) return refusal;
    await this.#delete(
      this.#ordered(chart)
        .filter((each) => !isKept(each))
        .toReversed(),
    );
    return undefined;
  }

  /** What the hook's Job would run in a pod. */
  async #preDelete(chart: RenderedChart): Promise<string | undefined> {
    const container = chart.objects.find(isHook)?.spec?.template?.spec.containers[0];
    if (!container) return undefined;
    let said = "";
    const context = {
      stdout: { write: () => true },
      stderr: { write: (chunk: string | Uint8Array) => (said += String(chunk)) },
      env: {},
      signal: new AbortController().signal,
    };
    const [drain, gateways] = ["--drain", "--gateways"].map((flag) => container.args.includes(flag));
    const options = { kubeconfig: this.#kubectl.kubeconfig, drain: drain === true, gateways: gateways === true };
    const code = await uninstall({ ...options, timeout: "20" }, context);
    return code === 0 ? undefined : said;
  }

  async #delete(objects: readonly Manifest[]): Promise<void> {
    if (objects.length === 0) return;
    await this.#kubectl.run(["delete", "--ignore-not-found", "--timeout=20s", "-f", "-"], inputOf(objects));
  }

  #ordered({ objects }: RenderedChart): readonly Manifest[] {
    const own = objects.filter((object) => !isHook(object) && this.#isServed(object.kind));
    return own.toSorted((a, b) => rank(a) - rank(b));
  }
}

/** kubectl takes them one after the other. */
function inputOf(objects: readonly Manifest[]): { input: string } {
  return { input: objects.map((each) => JSON.stringify(each)).join("\n") };
}

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
}
