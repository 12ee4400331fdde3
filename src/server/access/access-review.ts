import { StatusError } from "../http/status-error.ts";
import type { VirtualRequest, VirtualResource } from "../http/virtual-resource.ts";
import type { FieldError } from "../resource.ts";
import type { Authorizer, RequestAttributes, UserInfo } from "./access.ts";
import { object, reviewDefinition, text, texts } from "./review-definition.ts";

const group = "authorization.k8s.io";

/** What is asked, in the fields of `authorization.k8s.io/v1`. Shapes hold by the schema. */
interface AccessQuestion {
  resourceAttributes?: Partial<
    Record<"namespace" | "verb" | "group" | "version" | "resource" | "subresource" | "name", string>
  >;
  nonResourceAttributes?: { path?: string; verb?: string };
}

interface SubjectQuestion extends AccessQuestion {
  user?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

const selector = object({
  rawSelector: text,
  requirements: { type: "array", items: object({ key: text, operator: text, values: texts }) },
});

const question = {
  resourceAttributes: object({
    namespace: text,
    verb: text,
    group: text,
    version: text,
    resource: text,
    subresource: text,
    name: text,
    // RBAC does not look at what a list is narrowed to; they are taken and given back.
    fieldSelector: selector,
    labelSelector: selector,
  }),
  nonResourceAttributes: object({ path: text, verb: text }),
};

const subject = {
  user: text,
  uid: text,
  groups: texts,
  extra: { type: "object", additionalProperties: texts },
} as const;

/** May I? The question of `kubectl auth can-i`. */
export function selfSubjectAccessReview(authorizer: Authorizer): VirtualResource {
  return {
    definition: reviewDefinition({ group, kind: "SelfSubjectAccessReview", spec: object(question) }),
    create({ user, object }) {
      const spec = specOf<AccessQuestion>(object);
      refuseInvalid(problemsOfQuestion(spec));
      return answer("SelfSubjectAccessReview", {}, spec, decide(authorizer, user, spec));
    },
  };
}

/** May they? Asked by those who serve users of this API server, such as the gateway. */
export function subjectAccessReview(authorizer: Authorizer): VirtualResource {
  return {
    definition: reviewDefinition({ group, kind: "SubjectAccessReview", spec: object({ ...question, ...subject }) }),
    create({ object }) {
      const spec = specOf<SubjectQuestion>(object);
      refuseInvalid([...problemsOfQuestion(spec), ...problemsOfSubject(spec)]);
      return answer("SubjectAccessReview", {}, spec, decide(authorizer, subjectOf(spec), spec));
    },
  };
}

/** The same within one namespace, so that the right to ask can be given for it alone. */
export function localSubjectAccessReview(authorizer: Authorizer): VirtualResource {
  return {
    definition: reviewDefinition({
      group,
      kind: "LocalSubjectAccessReview",
      namespaced: true,
      spec: object({ ...question, ...subject }),
    }),
    create({ object, namespace }) {
      const spec = specOf<SubjectQuestion>(object);
      refuseInvalid([...problemsOfQuestion(spec), ...problemsOfSubject(spec), ...problemsOfNamespace(spec, namespace)]);
      return answer("LocalSubjectAccessReview", { namespace }, spec, decide(authorizer, subjectOf(spec), spec));
    },
  };
}

function specOf<T>(object: VirtualRequest["object"]): T {
  return (object.spec ?? {}) as T;
}

function problemsOfQuestion({ resourceAttributes, nonResourceAttributes }: AccessQuestion): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const { path = "", verb = "" } = nonResourceAttributes;
    const value = JSON.stringify({ Path: path, Verb: verb });
    return [
      invalidValue("spec.nonResourceAttributes", value, "cannot be specified in combination with resourceAttributes"),
    ];
  }
  if (resourceAttributes || nonResourceAttributes) return [];
  const must = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  return [invalidValue("spec.resourceAttributes", "null", must)];
}

function problemsOfSubject({ user = "", groups = [] }: SubjectQuestion): FieldError[] {
  if (user !== "" || groups.length > 0) return [];
  return [invalidValue("spec.user", '""', "at least one of user or group must be specified")];
}

function problemsOfNamespace(
  { resourceAttributes, nonResourceAttributes }: SubjectQuestion,
  namespace: string,
): FieldError[] {
  const problems: FieldError[] = [];
  const { namespace: asked = "" } = resourceAttributes ?? {};
  if (resourceAttributes && asked !== namespace) {
    const path = "spec.resourceAttributes.namespace";
    problems.push(invalidValue(path, JSON.stringify(asked), "must match metadata.namespace"));
  }
  if (nonResourceAttributes) {
    const { path = "", verb = "" } = nonResourceAttributes;
    const value = JSON.stringify({ Path: path, Verb: verb });
    problems.push(invalidValue("spec.nonResourceAttributes", value, "disallowed on this kind of request"));
  }
  return problems;
}

function invalidValue(path: string, value: string, must: string): FieldError {
  return { type: "FieldValueInvalid", path, message: `Invalid value: ${value}: ${must}` };
}

/** Kubernetes names neither kind nor object in these refusals. */
function refuseInvalid(problems: readonly FieldError[]): void {
  if (problems.length === 0) return;
  const texts = problems.map(({ path, message }) => `${path}: ${message}`);
  const what = texts.length === 1 ? texts.join("") : `[${texts.join(", ")}]`;
  throw new StatusError(422, "Invalid", `.${group} "" is invalid: ${what}`, {
    group,
    causes: problems.map(({ type, path, message }) => ({ reason: type, message, field: path })),
  });
}

function subjectOf({ user = "", uid, groups = [], extra }: SubjectQuestion): UserInfo {
  return { username: user, groups, ...(uid !== undefined && { uid }), ...(extra && { extra }) };
}

function decide(authorizer: Authorizer, user: UserInfo, spec: AccessQuestion): object {
  const { allowed, reason } = authorizer.authorize(user, attributesOf(spec));
  return { allowed, ...(reason !== "" && { reason }) };
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: AccessQuestion): RequestAttributes {
  if (!resourceAttributes) return { kind: "path", verb: "", path: "", ...nonResourceAttributes };
  const {
    verb = "",
    group = "",
    version = "",
    resource = "",
    subresource = "",
    namespace = "",
    name = "",
  } = resourceAttributes;
  return { kind: "resource", verb, group, version, resource, subresource, namespace, name };
}

function answer(kind: string, metadata: object, spec: object, status: object): object {
  return { kind, apiVersion: `${group}/v1`, metadata, spec, status };
}
