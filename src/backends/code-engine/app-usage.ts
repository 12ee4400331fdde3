import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { Aspect, Owner } from "../backend.ts";
import type { Usage } from "../usage.ts";
import { type CodeEngineError, isFailure } from "./client/errors.ts";
import type { ProjectClient } from "./client/project-client.ts";
import { appSelector, type ContainerUsage, USER_CONTAINER } from "./client/project-proxy.ts";
import { subdomainOf } from "./client/resources/apps.ts";
import type { CallOptions } from "./client/transport.ts";
import { LatestOutcome } from "./latest-outcome.ts";
import { orNothing } from "./workloads/sightings.ts";

/** Looking must not hold up what works: such calls are refused rather than queued. */
const poll = true;

/** What apps use, from their instances and the proxy's metrics. */
export class AppUsage {
  readonly #outcome = new LatestOutcome(ConditionType.UsageAvailable);

  /** Undefined before the first use. */
  get aspect(): Aspect | undefined {
    return this.#outcome.aspect;
  }

  /**
   * Instances are told also where nobody may see what they use. Undefined: there is no such app.
   * @throws {CodeEngineError}; {TransientError} while the app does not tell where its instances are.
   */
  async of(
    project: ProjectClient,
    { app: name, owner }: { readonly app: string; readonly owner: Owner },
    { signal }: CallOptions,
  ): Promise<Usage | undefined> {
    const app = await orNothing(project.apps.get(name, { signal, poll }));
    if (!app) return undefined;
    const all = await Array.fromAsync(project.instances(name).list({ signal, poll }));
    const instances = all.filter(({ status }) => status === "running").length;
    if (instances === 0) return { instances, cpuMillis: 0, memoryBytes: 0 };
    const subdomain = subdomainOf(app);
    if (subdomain === undefined) {
      const message = `what ${owner.name} uses cannot be told: the app does not tell the project's subdomain yet`;
      throw new TransientError(Reason.BackendError, message);
    }
    const measured = await this.#measured(project.proxy(subdomain).usage(appSelector(name), { signal, poll }));
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

  /** Nothing where it is refused, since what is refused today will be tomorrow. */
  async #measured(asked: Promise<readonly ContainerUsage[]>): Promise<readonly ContainerUsage[]> {
    try {
      const measured = await asked;
      this.#outcome.worked("Code Engine's Kubernetes proxy tells the use of CPU and memory");
      return measured;
    } catch (error) {
      if (!isFailure(error, "terminal", "unauthorized", "notFound")) throw error;
      this.#outcome.failed(error.status === 403 ? "Forbidden" : Reason.BackendError, deniedMessage(error));
      return [];
    }
  }
}

/** Equal failures are told in equal words, so without their trace. */
function deniedMessage({ service, operation, said, status }: CodeEngineError): string {
  const denied = `${service} could not ${operation}: ${said}${status === undefined ? "" : ` (HTTP ${status})`}`;
  return `${denied}; only instances are counted; give the API key's owner a service role in the project, or mend spec.codeEngine.endpoints.proxy`;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
