import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { Aspect, Owner } from "../backend.ts";
import type { Usage } from "../usage.ts";
import { type CodeEngineError, isFailure } from "./client/errors.ts";
import type { ProjectClient } from "./client/project-client.ts";
import { appSelector, type ContainerUsage, USER_CONTAINER } from "./client/project-proxy.ts";
import { type App, subdomainOf } from "./client/resources/apps.ts";
import type { CallOptions } from "./client/transport.ts";
import { LatestOutcome } from "./latest-outcome.ts";
import type { RequestMetrics } from "./metrics/request-metrics.ts";
import { reasonOf, withoutTrace } from "./optional-failure.ts";
import { orNothing } from "./workloads/sightings.ts";

/** Looking must not hold up what works: such calls are refused rather than queued. */
const poll = true;
/** Who asks for use waits no longer for CPU and memory: instances are known without them. */
const PATIENCE_MS = 4_000;

/** What apps use, from their instances and the proxy's metrics. */
export class AppUsage {
  readonly #metrics: Pick<RequestMetrics, "of">;
  readonly #outcome = new LatestOutcome(ConditionType.UsageAvailable);

  constructor(metrics: Pick<RequestMetrics, "of">) {
    this.#metrics = metrics;
  }

  /** Undefined before the first use. */
  get aspect(): Aspect | undefined {
    return this.#outcome.aspect;
  }

  /**
   * Instances are told also where nobody can see what they use. Undefined: there is no such app.
   * @throws {CodeEngineError}; {TransientError} while the app does not tell where its instances are.
   */
  async of(
    project: ProjectClient,
    { app: name, owner }: { readonly app: string; readonly owner: Owner },
    { signal }: CallOptions,
  ): Promise<Usage | undefined> {
    const app = await orNothing(project.apps.get(name, { signal, poll }));
    if (!app) return undefined;
    const namespace = subdomainOf(app);
    const measured = namespace === undefined ? undefined : { name, namespace, createdAt: app.created_at };
    const [used, requests] = await Promise.all([
      this.#used(project, { app, owner }, { signal }),
      measured && this.#metrics.of(measured, signal),
    ]);
    return { ...used, ...(requests && { requests }) };
  }

  async #used(
    project: ProjectClient,
    { app, owner }: { readonly app: App; readonly owner: Owner },
    { signal }: CallOptions,
  ): Promise<Usage> {
    const { name } = app;
    const all = await Array.fromAsync(project.instances(name).list({ signal, poll }));
    const instances = all.filter(({ status }) => status === "running").length;
    if (instances === 0) return { instances, cpuMillis: 0, memoryBytes: 0 };
    const subdomain = subdomainOf(app);
    if (subdomain === undefined) {
      const message = `what ${owner.name} uses cannot be told: the app does not tell the project's subdomain yet`;
      throw new TransientError(Reason.BackendError, message);
    }
    const measured = await this.#measured(
      project.proxy(subdomain).usage(appSelector(name), { signal, poll, timeoutMs: PATIENCE_MS }),
    );
    // The platform's own container beside it counts against no limit of the app.
    const own = measured.filter(({ container }) => container === USER_CONTAINER);
    // What has just begun is not measured yet.
    if (own.length === 0) return { instances, cpuMillis: undefined, memoryBytes: undefined };
    return {
      instances,
      cpuMillis: Math.round(sum(own, ({ vcpu }) => vcpu) * 1_000),
      memoryBytes: sum(own, ({ memoryBytes }) => memoryBytes),
    };
  }

  /** Nothing where it fails, which is no reason to hide instances. */
  async #measured(asked: Promise<readonly ContainerUsage[]>): Promise<readonly ContainerUsage[]> {
    try {
      const measured = await asked;
      this.#outcome.worked("Code Engine's Kubernetes proxy tells the use of CPU and memory");
      return measured;
    } catch (error) {
      if (!isFailure(error, "terminal", "unauthorized", "notFound", "transient")) throw error;
      this.#outcome.failed(reasonOf(error), `${withoutTrace(error)}; only instances are counted; ${remedyOf(error)}`);
      return [];
    }
  }
}

function remedyOf({ kind }: CodeEngineError): string {
  if (kind === "transient") return "who asks next tries it again";
  return "give the API key's owner a service role in the project, or mend spec.codeEngine.endpoints.proxy";
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
