import type { Environment } from "@marcbachmann/cel-js";
import { declare } from "../../../cel/declarations.ts";
import type { Authorizer, Decision, RequestAttributes, UserInfo } from "../../access/access.ts";

/**
 * `authorizer` of CEL in admission: asks what the user of the request may do.
 * @see https://pkg.go.dev/k8s.io/apiserver/pkg/cel/library#Authz
 */

type ResourceAttributes = Omit<Extract<RequestAttributes, { kind: "resource" }>, "kind" | "verb">;

/** The variable `authorizer`. */
export class CelAuthorizer {
  readonly #authorizer: Authorizer;
  readonly #user: UserInfo;
  /** A check of the very resource that is being written. */
  readonly requestResource: CelResourceCheck;

  constructor(authorizer: Authorizer, user: UserInfo, request: ResourceAttributes) {
    this.#authorizer = authorizer;
    this.#user = user;
    this.requestResource = new CelResourceCheck(this, request);
  }

  authorize(attributes: RequestAttributes): CelDecision {
    return new CelDecision(this.#authorizer.authorize(this.#user, attributes));
  }

  /** The same question for a service account. */
  as(namespace: string, name: string): CelAuthorizer {
    const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
    const user = { username: `system:serviceaccount:${namespace}:${name}`, groups };
    return new CelAuthorizer(this.#authorizer, user, this.requestResource.attributes);
  }
}

class CelPathCheck {
  readonly authorizer: CelAuthorizer;
  readonly path: string;

  constructor(authorizer: CelAuthorizer, path: string) {
    this.authorizer = authorizer;
    this.path = path;
  }
}

class CelGroupCheck {
  readonly authorizer: CelAuthorizer;
  readonly group: string;

  constructor(authorizer: CelAuthorizer, group: string) {
    this.authorizer = authorizer;
    this.group = group;
  }
}

class CelResourceCheck {
  readonly authorizer: CelAuthorizer;
  readonly attributes: ResourceAttributes;

  constructor(authorizer: CelAuthorizer, attributes: ResourceAttributes) {
    this.authorizer = authorizer;
    this.attributes = attributes;
  }

  with(change: Partial<ResourceAttributes>): CelResourceCheck {
    return new CelResourceCheck(this.authorizer, { ...this.attributes, ...change });
  }
}

class CelDecision {
  readonly decision: Decision;

  constructor(decision: Decision) {
    this.decision = decision;
  }
}

/** Makes the types and functions known to an environment, and `authorizer` a variable of it. */
export function registerAuthorizer(environment: Environment): void {
  environment
    .registerType("Decision", { ctor: CelDecision, fields: {} })
    .registerType("ResourceCheck", { ctor: CelResourceCheck, fields: {} })
    .registerType("GroupCheck", { ctor: CelGroupCheck, fields: {} })
    .registerType("PathCheck", { ctor: CelPathCheck, fields: {} })
    .registerType("Authorizer", { ctor: CelAuthorizer, fields: { requestResource: "ResourceCheck" } })
    .registerVariable("authorizer", "Authorizer");
  declare(environment, {
    "Authorizer.path(string): PathCheck": (authorizer: CelAuthorizer, path: string) =>
      new CelPathCheck(authorizer, path),
    "PathCheck.check(string): Decision": ({ authorizer, path }: CelPathCheck, verb: string) =>
      authorizer.authorize({ kind: "path", verb, path }),
    "Authorizer.group(string): GroupCheck": (authorizer: CelAuthorizer, group: string) =>
      new CelGroupCheck(authorizer, group),
    "Authorizer.serviceAccount(string, string): Authorizer": (
      authorizer: CelAuthorizer,
      namespace: string,
      name: string,
    ) => authorizer.as(namespace, name),
    "GroupCheck.resource(string): ResourceCheck": ({ authorizer, group }: CelGroupCheck, resource: string) =>
      new CelResourceCheck(authorizer, { group, version: "*", resource, subresource: "", namespace: "", name: "" }),
    "ResourceCheck.subresource(string): ResourceCheck": (check: CelResourceCheck, subresource: string) =>
      check.with({ subresource }),
    "ResourceCheck.namespace(string): ResourceCheck": (check: CelResourceCheck, namespace: string) =>
      check.with({ namespace }),
    "ResourceCheck.name(string): ResourceCheck": (check: CelResourceCheck, name: string) => check.with({ name }),
    "ResourceCheck.check(string): Decision": ({ authorizer, attributes }: CelResourceCheck, verb: string) =>
      authorizer.authorize({ kind: "resource", verb, ...attributes }),
    "Decision.allowed(): bool": ({ decision }: CelDecision) => decision.allowed,
    "Decision.reason(): string": ({ decision }: CelDecision) => decision.reason,
    // Decisions come from memory, so there is never an error.
    "Decision.errored(): bool": () => false,
    "Decision.error(): string": () => "",
  });
}
