import type { IncomingMessage } from "node:http";
import type { Metrics } from "../../machinery/metrics.ts";
import type { Authenticator, Authorizer, RequestAttributes, UserInfo } from "../access/access.ts";
import { refusal } from "../access/refusal.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { AUTHORIZATION_DECISION, type AuditEvent, annotator, auditEvent, isAudited } from "../observe/audit-event.ts";
import { RequestMetrics } from "../observe/request-metrics.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { OnlineRestore } from "../restore/online-restore.ts";
import { StateReplaced } from "../storage/store.ts";
import { checkTimeout, parseBoolean } from "../verbs/query-options.ts";
import type { ResourceRequest } from "../verbs/resource-request.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { negotiate } from "./accept.ts";
import { type Answer, type HttpRequest, header, type Patience, pageNotFound, text } from "./answer.ts";
import { FlowControl } from "./flow-control.ts";
import type { RequestDetails } from "./listener.ts";
import { parseResourcePath, type ResourcePath } from "./request-info.ts";
import { objectVerbs, subresourceVerbs, type VerbHandler } from "./resource-verbs.ts";
import { answerRestore, RESTORE_PATH } from "./restore-request.ts";
import {
  badRequest,
  methodNotSupported,
  notFound,
  qualified,
  resourceNotFound,
  StatusError,
  unauthorized,
} from "./status-error.ts";
import { createVirtual, createVirtualSubresource } from "./virtual-requests.ts";

export interface ApiHandlerOptions {
  readonly context: ServerContext;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly discovery: Discovery;
  /** What the server tells of itself at `/metrics`. */
  readonly metrics: Metrics;
  readonly restore: Pick<OnlineRestore, "restore" | "refusesWrites">;
  /** Hears of every request that belongs into the audit log, once it is answered. */
  readonly audit?: (event: AuditEvent) => void;
}

/** Every request: who asks, may they, is it served, and by whom. */
export class ApiHandler {
  readonly #options: ApiHandlerOptions;
  readonly #flow: FlowControl;
  readonly #patience: Patience;
  readonly #metrics: RequestMetrics;

  constructor(options: ApiHandlerOptions) {
    this.#options = options;
    const { clock, registry, store } = options.context;
    const flow = new FlowControl(clock);
    this.#flow = flow;
    this.#patience = { clock, isCrowded: () => flow.isCrowded };
    const objects = () =>
      new Map([...registry.stored()].map(({ storage }) => [storage, store.count(storage)] as const));
    this.#metrics = new RequestMetrics({ metrics: options.metrics, flow: this.#flow, objects });
  }

  async handle(http: HttpRequest, details: RequestDetails): Promise<Answer> {
    const { clock, registry } = this.#options.context;
    const path = parseResourcePath(http.path);
    const verb = path ? verbOf(http, path) : http.method.toLowerCase();
    const isServed = path !== undefined && registry.isServed(path.group, path.version, path.resource);
    const asked: Asked = { http, path, verb, isServed, details, receivedAt: clock.now(), since: clock.monotonicMs() };
    const known: { user?: UserInfo } = {};
    try {
      const answer = await this.#answer(asked, known);
      this.#served(asked, known.user, answer.status, answer);
      return verb === "watch" ? this.#counted(answer) : answer;
    } catch (error) {
      this.#served(asked, known.user, error instanceof StatusError ? error.code : 500, undefined);
      throw error;
    }
  }

  #served(asked: Asked, user: UserInfo | undefined, code: number, answer: Answer | undefined): void {
    const { http, path, verb, isServed, details, receivedAt, since } = asked;
    const { auditId, annotations, message } = details;
    const remoteAddress = message.socket.remoteAddress ?? "";
    const tookMs = this.#options.context.clock.monotonicMs() - since;
    const request = { http, path, verb, user, isServed, remoteAddress, auditId, annotations, receivedAt };
    const served = { ...request, code, answer, tookMs };
    this.#metrics.observe(served);
    if (this.#options.audit && isAudited(served)) this.#options.audit(auditEvent(served));
  }

  /** A watch counts as open until its connection ends. */
  #counted(answer: Answer): Answer {
    const { stream } = answer;
    if (!stream) return answer;
    const run: typeof stream.run = (sink, signal) => {
      if (!signal.aborted) signal.addEventListener("abort", this.#metrics.watching(), { once: true });
      stream.run(sink, signal);
    };
    return { ...answer, stream: { run } };
  }

  async #answer({ http, path, verb, details }: Asked, known: { user?: UserInfo }): Promise<Answer> {
    const { message, warnings, annotations } = details;
    const user = await this.#options.authenticator.authenticate(message as IncomingMessage);
    if (!user) throw unauthorized();
    known.user = user;
    const isWanted = () => !message.socket.destroyed;
    if (!path) {
      this.#authorize(user, { kind: "path", verb: http.method.toLowerCase(), path: http.path }, annotations);
      if (http.path === "/metrics") return text(200, await this.#metrics.render());
      if (http.path === RESTORE_PATH) return answerRestore(http, user, this.#options.restore);
      if (PROBES.test(http.path)) return this.#options.discovery.answer(http);
      return this.#flow.run(user.username, isWanted, () => this.#options.discovery.answer(http));
    }
    this.#authorize(user, attributesOf(path, verb, http.query), annotations);
    const seated = READS.has(verb) ? http : { ...http, patience: this.#patience };
    const work = () =>
      this.#dispatch({
        http: seated,
        path,
        verb,
        user,
        from: message.socket.remoteAddress ?? "",
        warnings,
        annotations,
      });
    return verb === "watch" ? work() : this.#flow.run(user.username, isWanted, work);
  }

  #authorize(user: UserInfo, attributes: RequestAttributes, annotations: Map<string, string>): void {
    const { allowed, reason } = this.#options.authorizer.authorize(user, attributes);
    if (allowed) return;
    // As kube-apiserver notes it: tells it from what admission refuses.
    annotator(annotations)(AUTHORIZATION_DECISION, "forbid");
    throw refusal(user, attributes, reason);
  }

  #dispatch(call: Call): Promise<Answer> {
    const { context } = this.#options;
    const { registry } = context;
    const { group, version, resource: plural, subresource } = call.path;
    const virtual = registry.findVirtual(group, version, plural);
    if (virtual) return createVirtual(virtual, call);
    const special = registry.findSubresource(group, version, plural, subresource);
    if (special) return createVirtualSubresource(context, special, call);
    const resource = registry.find(group, version, plural);
    if (!resource) return Promise.resolve(this.#unknown(call));
    const handler = resource.isCustom ? customHandler(resource, call) : builtInHandler(resource, call);
    if (!handler) return Promise.resolve(pageNotFound());
    checkTimeout(call.http.query);
    const { http, user, warnings, annotations } = call;
    const accepted = negotiate(header(http, "accept"));
    if (resource.deprecation !== undefined) warnings.add(resource.deprecation);
    const { namespace, name } = call.path;
    const request: ResourceRequest = {
      http,
      query: http.query,
      user,
      resource,
      subresource,
      namespace,
      name,
      accepted,
      warnings,
      annotate: annotator(annotations),
      from: call.from,
      authorizeCreate: () => this.#authorize(user, attributesOf(call.path, "create", http.query), annotations),
    };
    if (READS.has(call.verb)) return handler(context, request);
    if (this.#options.restore.refusesWrites) throw new StateReplaced();
    return context.store.inOneState(() => handler(context, request));
  }

  /** Paths below Kubernetes' own group versions answer with a Status, others as a web server does. */
  #unknown({ path }: Call): Answer {
    if (this.#options.context.registry.isBuiltInGroup(path.group)) throw resourceNotFound();
    return pageNotFound();
  }
}

const READS: ReadonlySet<string> = new Set(["get", "list", "watch"]);

/** Never made to wait, as in Kubernetes by its flow schema `probes`: a busy server must not be taken for a dead one. */
const PROBES = /^\/(?:healthz|livez|readyz)(?:\/|$)/;

interface Asked {
  readonly http: HttpRequest;
  readonly path: ResourcePath | undefined;
  readonly verb: string;
  readonly isServed: boolean;
  readonly details: RequestDetails;
  readonly receivedAt: Date;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/** As RBAC sees it: a Namespace lies in itself, and a list of one name asks for that name. */
function attributesOf(path: ResourcePath, verb: string, query: URLSearchParams): RequestAttributes {
  const { rest: _, ...attributes } = path;
  const isNamespace = path.group === "" && path.resource === "namespaces" && path.namespace === "";
  const namespace = isNamespace ? path.name : path.namespace;
  const name = path.name === "" ? selectedName(query) : path.name;
  return { kind: "resource", verb, ...attributes, namespace, name };
}

function selectedName(query: URLSearchParams): string {
  const selector = query.get("fieldSelector");
  return (selector && /(?:^|,)metadata\.name==?([^,]+)/.exec(selector)?.[1]) || "";
}

/** A request for a resource, known to be allowed. */
export interface Call {
  readonly http: HttpRequest;
  readonly path: ResourcePath;
  readonly verb: string;
  readonly user: UserInfo;
  /** The client's address. */
  readonly from: string;
  readonly warnings: Set<string>;
  readonly annotations: Map<string, string>;
}

/** As RBAC names it; empty for a method that is no verb. */
function verbOf({ method, query }: HttpRequest, { name }: ResourcePath): string {
  switch (method) {
    case "GET":
    case "HEAD":
      if (name !== "") return "get";
      return parseBoolean(query, "watch") ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return name === "" ? "deletecollection" : "delete";
    default:
      return "";
  }
}

/** Undefined for the mux's plain 404. The custom resource handler of Kubernetes is laxer than the routes of other kinds. */
function customHandler(resource: ServedResource, { path, verb, http }: Call): VerbHandler | undefined {
  const { definition } = resource;
  const { namespace, name, subresource, rest } = path;
  if (!definition.namespaced && namespace !== "") return undefined;
  const isForAllNamespaces = definition.namespaced && namespace === "";
  if (isForAllNamespaces && (name !== "" || !(verb === "list" || verb === "watch"))) return undefined;
  const { group, plural } = definition;
  if (subresource !== "") {
    const isOffered =
      subresource === "status"
        ? definition.subresources.status
        : subresource === "scale" && definition.subresources.scale;
    if (!isOffered || rest.length > 0) throw notFound({ group, kind: plural, name });
  }
  const handlers = subresource === "" ? objectVerbs : (subresourceVerbs[subresource] ?? {});
  const handler = verb === "" ? undefined : handlers[verb];
  if (!handler) {
    throw new StatusError(
      405,
      "MethodNotAllowed",
      `${verb} is not supported on resources of kind ${JSON.stringify(qualified(plural, group))}`,
      { ...(group === "" ? {} : { group }), kind: plural },
    );
  }
  if (name === "" && (http.method === "PUT" || http.method === "PATCH")) throw badRequest("name must be provided");
  return handler;
}

function builtInHandler(resource: ServedResource, { path, verb }: Call): VerbHandler {
  const { definition } = resource;
  const { namespace, name, subresource, rest } = path;
  if (rest.length > 0 || (!definition.namespaced && namespace !== "")) throw resourceNotFound();
  if (definition.namespaced && namespace === "") {
    if (name !== "") throw resourceNotFound();
    if (verb !== "list" && verb !== "watch") throw methodNotSupported();
  }
  if (subresource !== "") {
    if (!hasSubresource(resource, subresource)) throw resourceNotFound();
    const handler = subresourceVerbs[subresource]?.[verb];
    if (!handler) throw methodNotSupported();
    return handler;
  }
  const isOnObject = name !== "";
  const needsObject = verb === "update" || verb === "patch" || verb === "delete" || verb === "get";
  const handler =
    isOnObject === needsObject && definition.verbs.some((known) => known === verb) ? objectVerbs[verb] : undefined;
  if (!handler) throw methodNotSupported();
  return handler;
}

function hasSubresource({ definition }: ServedResource, subresource: string): boolean {
  if (subresource === "status") return definition.subresources.status === true;
  if (subresource === "scale") return definition.subresources.scale !== undefined;
  return subresource === "finalize" && definition.group === "" && definition.kind === "Namespace";
}
