import type { Labels } from "../../../api/label-selector.ts";
import type { Authorizer } from "../../access/access.ts";
import { forbiddenBecause, notFound, type StatusError } from "../../http/status-error.ts";
import type { ObjectReader } from "../../object-reader.ts";
import type { ResourceRegistry } from "../../registry/resource-registry.ts";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { ResourceDefinition } from "../../resource.ts";
import type { AdmissionRequest, AdmissionSubject } from "../admission.ts";
import { CelAuthorizer } from "./authorizer-library.ts";
import type { CompiledWebhook } from "./compiled-webhook.ts";
import { WEBHOOK_GROUP } from "./configuration.ts";
import type { Invocation } from "./invocation.ts";
import { ObjectView } from "./object-view.ts";
import { namespaceOf, requestAttributes } from "./review-request.ts";

/** Configurations of webhooks, of which no webhook is asked: one that is down could not be repaired otherwise. */
export function isExempt({ definition }: AdmissionSubject): boolean {
  return definition.group === WEBHOOK_GROUP;
}

interface SelectionOptions {
  readonly reader: ObjectReader;
  readonly registry: ResourceRegistry;
  readonly authorizer: Authorizer;
}

interface Equivalents {
  /** Of the registry. */
  readonly generation: number;
  readonly resources: readonly ServedResource[];
}

/** Decides which webhooks a write concerns. */
export class WebhookSelection {
  readonly #options: SelectionOptions;
  readonly #equivalent = new WeakMap<ResourceDefinition, Equivalents>();

  constructor(options: SelectionOptions) {
    this.#options = options;
  }

  /** By rules alone, which is all that is known before the object is. */
  concerns({ webhook, matchesRules }: CompiledWebhook, subject: AdmissionSubject): boolean {
    if (matchesRules(subject)) return true;
    if (webhook.matchPolicy !== "Equivalent") return false;
    return this.#equivalents(subject).some(({ definition }) => matchesRules({ ...subject, definition }));
  }

  /**
   * Undefined where the webhook does not want the write, judged by its rules, its selectors and its conditions in this
   * order. @throws {StatusError} 404 where the namespace is gone, 403 where conditions fail and the webhook may not be
   * left out.
   */
  select(compiled: CompiledWebhook, request: AdmissionRequest): Invocation | undefined {
    const namespace = this.#matchesNamespace(compiled, request);
    if (namespace === false || !matchesObject(compiled, request)) return undefined;
    const resource = this.#resourceFor(compiled, request);
    if (resource === undefined) return undefined;
    if (namespace !== true) throw namespace;
    const view = new ObjectView(this.#served(request) ?? resource, resource, request.subresource);
    const invocation = { webhook: compiled, resource, kind: view.kind, view };
    return this.#holds(invocation, request) ? invocation : undefined;
  }

  #holds(invocation: Invocation, request: AdmissionRequest): boolean {
    const { conditions, webhook } = invocation.webhook;
    if ((webhook.matchConditions ?? []).length === 0) return true;
    const { definition, subresource, name, user } = request;
    const { group, version, plural } = definition;
    const outcome = conditions.evaluate({
      object: invocation.view.show(request.object),
      oldObject: invocation.view.show(request.oldObject),
      request: requestAttributes(request, invocation),
      authorizer: new CelAuthorizer(this.#options.authorizer, user, {
        ...{ group, version, resource: plural, subresource, name },
        namespace: namespaceOf(request),
      }),
    });
    if ("matches" in outcome) return outcome.matches;
    if (webhook.failurePolicy === "Ignore") return false;
    throw forbiddenBecause({ group, kind: plural, name }, outcome.error);
  }

  #resourceFor({ webhook, matchesRules }: CompiledWebhook, request: AdmissionRequest): ServedResource | undefined {
    if (matchesRules(request)) return this.#served(request);
    if (webhook.matchPolicy !== "Equivalent") return undefined;
    return this.#equivalents(request).find(({ definition }) => matchesRules({ ...request, definition }));
  }

  #served({ definition: { group, version, plural } }: AdmissionSubject): ServedResource | undefined {
    return this.#options.registry.find(group, version, plural);
  }

  /** Other versions of the same stored kind. Asked of nearly every write, so remembered until kinds come or go. */
  #equivalents(subject: AdmissionSubject): readonly ServedResource[] {
    const { registry } = this.#options;
    const known = this.#equivalent.get(subject.definition);
    if (known?.generation === registry.generation) return known.resources;
    const own = this.#served(subject);
    const resources = [...registry.stored()].filter((each) => each !== own && each.storage === own?.storage);
    this.#equivalent.set(subject.definition, { generation: registry.generation, resources });
    return resources;
  }

  /** An error where the namespace is not there; it counts only if everything else matches. */
  #matchesNamespace({ matchesNamespace, webhook }: CompiledWebhook, request: AdmissionRequest): boolean | StatusError {
    const { definition, operation, subresource, object } = request;
    const namespace = namespaceOf(request);
    const isNamespace = definition.group === "" && definition.kind === "Namespace";
    if (namespace === "" && !isNamespace) return true;
    if (isEmpty(webhook.namespaceSelector)) return true;
    // A namespace that is being written has the labels that it will have.
    if (isNamespace && subresource === "" && operation !== "DELETE") return matchesNamespace(labelsOf(object));
    const stored = this.#options.reader.get({ group: "", plural: "namespaces" }, { namespace: "", name: namespace });
    if (stored === undefined) return notFound({ group: "", kind: "namespaces", name: namespace });
    return matchesNamespace(labelsOf(stored));
  }
}

function isEmpty({
  matchLabels = {},
  matchExpressions = [],
}: CompiledWebhook["webhook"]["namespaceSelector"]): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

/** Either state will do, so that a label cannot be taken off unseen. */
function matchesObject({ matchesObject, webhook }: CompiledWebhook, { object, oldObject }: AdmissionRequest): boolean {
  if (isEmpty(webhook.objectSelector)) return true;
  return [object, oldObject].some((each) => each !== undefined && matchesObject(labelsOf(each)));
}

function labelsOf(object: object | undefined): Labels | undefined {
  return (object as { metadata?: { labels?: Labels } } | undefined)?.metadata?.labels;
}
