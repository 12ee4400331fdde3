import type { Agent } from "node:http";
import { checkApiKey } from "./api-key.ts";
import { type BudgetLimits, CallBudget, DEFAULT_BUDGET } from "./call-budget.ts";
import { type Clock, systemClock } from "./clock.ts";
import { CloudLogs } from "./cloud-logs.ts";
import { Collection, type Gettable, type Listable } from "./collection.ts";
import {
  type EndpointOptions,
  type Endpoints,
  endpointsFor,
  type LogsInstance,
  logsEndpoint,
  type MonitoringInstance,
  monitoringEndpoint,
} from "./endpoints.ts";
import { CodeEngineError } from "./errors.ts";
import { Monitoring } from "./monitoring.ts";
import { ProjectClient } from "./project-client.ts";
import { Redactor } from "./redactor.ts";
import { type Project, project } from "./resources/projects.ts";
import { DEFAULT_RETRY, type RetryPolicy } from "./retry.ts";
import type { Service } from "./service.ts";
import { type CallOptions, Transport } from "./transport.ts";

export interface CodeEngineClientOptions extends EndpointOptions {
  /** Of a user or a service ID. Another key needs another client. */
  readonly apiKey: string;
  readonly userAgent?: string;
  /** For each project, and once more for what belongs to none. */
  readonly budget?: BudgetLimits;
  readonly retry?: RetryPolicy;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Told of each agent before its first connection. */
  readonly onAgent?: (agent: Agent) => void;
}

export interface ProjectQuery {
  readonly name: string;
  /** 32 characters. Only needed where a name is used in several resource groups. */
  readonly resourceGroupId?: string;
}

/** Far above the 20 projects that a region grants. */
const MAX_PROJECTS = 200;

/** The service allows ten queries a minute. */
const LOGS_BUDGET: BudgetLimits = { concurrent: 2, perSecond: 5 / 60, burst: 5, reserve: 0, queue: 20 };

/** Nothing is published: a person who looks now and then, and a few at once. */
const MONITORING_BUDGET: BudgetLimits = { concurrent: 3, perSecond: 1, burst: 10, reserve: 0, queue: 20 };

/**
 * IBM Cloud Code Engine in one region, with one API key. Every call has a deadline and an AbortSignal, is repeated where
 * that makes sense, and fails with a `CodeEngineError` or with the reason of its signal.
 */
export class CodeEngineClient implements Disposable {
  readonly projects: Listable<Project> & Gettable<Project>;
  readonly #place: EndpointOptions;
  readonly #redactor = new Redactor();
  readonly #endpoints: Endpoints;
  readonly #transport: Transport;
  #service: Service | undefined;
  readonly #clock: Clock;
  readonly #limits: BudgetLimits;
  readonly #budgets = new Map<string, CallBudget>();

  /** @throws {CodeEngineError} for a key, a region or an endpoint that cannot be one. */
  constructor(options: CodeEngineClientOptions) {
    const { apiKey, region, userAgent, budget = DEFAULT_BUDGET, clock = systemClock, onAgent } = options;
    const redactor = this.#redactor;
    checkApiKey(apiKey);
    redactor.learn(apiKey);
    this.#place = { region, privateNetwork: options.privateNetwork ?? false };
    this.#clock = clock;
    this.#limits = budget;
    this.#endpoints = endpointsFor(options);
    const parts = { apiKey, endpoints: this.#endpoints, clock, redactor, userAgent, onAgent };
    const service = async (): Promise<Service> => {
      if (this.#service) return this.#service;
      // IBM's library takes a third of a second and tens of megabytes; who never makes a call does not pay for it.
      const { Service } = await import("./service.ts");
      this.#service ??= new Service(parts);
      return this.#service;
    };
    const { retry = DEFAULT_RETRY, random = Math.random } = options;
    this.#transport = new Transport({ service, clock, redactor, retry, random });
    this.projects = new Collection({
      transport: this.#transport,
      budget: new CallBudget(clock, budget),
      api: this.#endpoints.api,
      path: ["projects"],
      plural: "projects",
      noun: "the project",
      item: project,
    });
  }

  /** The calls inside one project. Clients of the same project share its budget. */
  project(id: string): ProjectClient {
    return new ProjectClient({ ...this.#endpoints, transport: this.#transport, id, budget: this.#budgetOf(id) });
  }

  /** History, from an instance that somebody routes this account's platform logs to. */
  cloudLogs(instance: LogsInstance): CloudLogs {
    const budget = new CallBudget(this.#clock, LOGS_BUDGET);
    const logs = logsEndpoint(instance, this.#place);
    return new CloudLogs({ transport: this.#transport, redactor: this.#redactor, logs, budget });
  }

  /** Metrics, from the instance that the region's platform metrics go to. */
  monitoring(instance: MonitoringInstance): Monitoring {
    const budget = new CallBudget(this.#clock, MONITORING_BUDGET);
    const base = monitoringEndpoint(instance, this.#place);
    return new Monitoring({ transport: this.#transport, base, instanceId: instance.instanceId, budget });
  }

  /**
   * The one active project of that name in this region. It reads all projects of the account, so keep its id.
   * @throws {CodeEngineError} notFound when there is none, terminal when there are several.
   */
  async resolveProject({ name, resourceGroupId }: ProjectQuery, options: CallOptions): Promise<Project> {
    const { region: here } = this.#place;
    const named: Project[] = [];
    for await (const candidate of this.projects.list(options)) if (candidate.name === name) named.push(candidate);
    const usable = named.filter(
      ({ status, region, resource_group_id }) =>
        status === "active" &&
        region === here &&
        (resourceGroupId === undefined || resource_group_id === resourceGroupId),
    );
    const [found, ...others] = usable;
    if (found && others.length === 0) return found;
    const operation = `find the project ${JSON.stringify(name)}`;
    if (!found) {
      const said = `no active one of that name is in ${here}${group(resourceGroupId)}${elsewhere(named)}`;
      throw new CodeEngineError({ kind: "notFound", service: "Code Engine", operation, said });
    }
    const ids = usable.map(({ id, resource_group_id }) => `${id} in resource group ${resource_group_id ?? "unknown"}`);
    const said = `${usable.length} have that name: ${ids.join(", ")}; name the project's id or its resource group`;
    throw new CodeEngineError({ kind: "terminal", service: "Code Engine", operation, said });
  }

  /** Ends idle connections; calls under way end on their own. */
  [Symbol.dispose](): void {
    this.#service?.[Symbol.dispose]();
  }

  #budgetOf(projectId: string): CallBudget {
    const budget = this.#budgets.get(projectId) ?? new CallBudget(this.#clock, this.#limits);
    this.#budgets.set(projectId, budget);
    const [oldest] = this.#budgets.keys();
    if (this.#budgets.size > MAX_PROJECTS && oldest !== undefined) this.#budgets.delete(oldest);
    return budget;
  }
}

function group(resourceGroupId: string | undefined): string {
  return resourceGroupId === undefined ? "" : ` and resource group ${resourceGroupId}`;
}

function elsewhere(named: readonly Project[]): string {
  if (named.length === 0) return "";
  const others = named.slice(0, 5).map(({ region, status }) => `${status} in ${region ?? "an unknown region"}`);
  return `; others of that name are ${others.join(", ")}`;
}
