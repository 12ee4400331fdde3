import { apiVersionOf } from "../../api/meta.ts";
import type { ResourceDefinition, Verb } from "../resource.ts";
import { META_PACKAGE, modelName } from "./model-name.ts";
import {
  deleteParameters,
  listParameters,
  nameParameter,
  namespaceParameter,
  type Parameter,
  patchParameters,
  prettyParameter,
  publishParameter,
  writeParameters,
} from "./parameters.ts";
import type { SchemaPublisher } from "./schema-publisher.ts";

const JSON_TYPES = ["application/json", "application/yaml"];
const PATCH_TYPES = ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];

interface Operation {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** `x-kubernetes-action`, by which clients find the operation. */
  readonly action: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  /** Schema of the request's body; undefined for none. */
  readonly body?: string;
  readonly answer: string;
}

/** The paths of one definition with their operations, as clients look them up by kind. */
export function pathsOf(
  definition: ResourceDefinition,
  publisher: SchemaPublisher,
  version: 2 | 3,
): Record<string, object> {
  return new PathWriter(definition, publisher, version).write();
}

class PathWriter {
  readonly #definition: ResourceDefinition;
  readonly #publisher: SchemaPublisher;
  readonly #version: 2 | 3;

  constructor(definition: ResourceDefinition, publisher: SchemaPublisher, version: 2 | 3) {
    this.#definition = definition;
    this.#publisher = publisher;
    this.#version = version;
  }

  write(): Record<string, object> {
    const { group, plural, namespaced, subresources } = this.#definition;
    const root = group === "" ? `/api/${this.#definition.version}` : `/apis/${apiVersionOf(this.#definition)}`;
    const scope = namespaced ? `${root}/namespaces/{namespace}` : root;
    const shared = namespaced ? [namespaceParameter, prettyParameter] : [prettyParameter];
    const paths: Record<string, object> = {
      [`${scope}/${plural}`]: this.#item(this.#collection(), shared),
      [`${scope}/${plural}/{name}`]: this.#item(this.#object(), [nameParameter, ...shared]),
    };
    if (namespaced) {
      const lists = this.#collection().filter(({ method }) => method === "get");
      const everywhere = lists.map((list) => ({ ...list, summary: `${list.summary} in all namespaces` }));
      paths[`${root}/${plural}`] = this.#item(everywhere, [prettyParameter]);
    }
    for (const [name, part] of Object.entries(subresources)) {
      if (part === undefined || part === false) continue;
      const model = name === "scale" ? "io.k8s.api.autoscaling.v1.Scale" : modelName(this.#definition);
      const operations = this.#object(` ${name}`, model).filter(({ method }) => method !== "delete");
      paths[`${scope}/${plural}/{name}/${name}`] = this.#item(operations, [nameParameter, ...shared]);
    }
    return paths;
  }

  #allows(verb: Verb): boolean {
    return this.#definition.verbs.includes(verb);
  }

  #collection(): Operation[] {
    const { kind } = this.#definition;
    const model = modelName(this.#definition);
    const status = `${META_PACKAGE}.Status`;
    return [
      ...(this.#allows("deletecollection")
        ? [
            {
              method: "delete",
              action: "deletecollection",
              summary: `delete all ${kind} objects`,
              parameters: [...deleteParameters, ...listParameters],
              body: `${META_PACKAGE}.DeleteOptions`,
              answer: status,
            } as const,
          ]
        : []),
      ...(this.#allows("list")
        ? [
            {
              method: "get",
              action: "list",
              summary: `list ${kind} objects`,
              parameters: listParameters,
              answer: `${model}List`,
            } as const,
          ]
        : []),
      ...(this.#allows("create")
        ? [
            {
              method: "post",
              action: "post",
              summary: `create a ${kind}`,
              parameters: writeParameters,
              body: model,
              answer: model,
            } as const,
          ]
        : []),
    ];
  }

  #object(part = "", model = modelName(this.#definition)): Operation[] {
    const what = `${part} of a ${this.#definition.kind}`.trimStart();
    const operations: (Operation & { verb: Verb })[] = [
      {
        verb: "delete",
        method: "delete",
        action: "delete",
        summary: `delete ${what}`,
        parameters: deleteParameters,
        body: `${META_PACKAGE}.DeleteOptions`,
        answer: `${META_PACKAGE}.Status`,
      },
      { verb: "get", method: "get", action: "get", summary: `read ${what}`, parameters: [], answer: model },
      {
        verb: "patch",
        method: "patch",
        action: "patch",
        summary: `change ${what}`,
        parameters: patchParameters,
        body: `${META_PACKAGE}.Patch`,
        answer: model,
      },
      {
        verb: "update",
        method: "put",
        action: "put",
        summary: `replace ${what}`,
        parameters: writeParameters,
        body: model,
        answer: model,
      },
    ];
    return operations.filter(({ verb }) => this.#allows(verb));
  }

  #item(operations: readonly Operation[], shared: readonly Parameter[]): object {
    const item: Record<string, object> = { parameters: shared.map((one) => publishParameter(one, this.#version)) };
    for (const operation of operations) item[operation.method] = this.#operation(operation);
    return item;
  }

  #operation({ method, action, summary, parameters, body, answer }: Operation): object {
    const { group, version, kind, plural, definition } = this.#definition;
    const known = {
      description: summary,
      operationId: [method, group, version, plural, action, summary].join("-").replaceAll(/[^A-Za-z0-9]+(.)?/g, camel),
      "x-kubernetes-action": action,
      "x-kubernetes-group-version-kind": { group, kind, version },
    };
    const published = parameters.map((parameter) => publishParameter(parameter, this.#version));
    const patches = definition === undefined ? [...PATCH_TYPES, "application/strategic-merge-patch+json"] : PATCH_TYPES;
    const bodyTypes = method === "patch" ? patches : JSON_TYPES;
    if (this.#version === 3) {
      return {
        ...known,
        parameters: published,
        ...(body === undefined ? {} : { requestBody: { content: this.#content(body, bodyTypes) } }),
        responses: { "200": { description: "OK", content: this.#content(answer, JSON_TYPES) } },
      };
    }
    const bodyParameter = {
      name: "body",
      in: "body",
      schema: this.#reference(body ?? ""),
      required: method !== "delete",
    };
    return {
      ...known,
      consumes: method === "patch" ? patches : ["*/*"],
      produces: JSON_TYPES,
      parameters: body === undefined ? published : [bodyParameter, ...published],
      responses: { "200": { description: "OK", schema: this.#reference(answer) } },
    };
  }

  #content(model: string, types: readonly string[]): object {
    return Object.fromEntries(types.map((type) => [type, { schema: this.#reference(model) }]));
  }

  #reference(model: string): object {
    return this.#publisher.reference(model);
  }
}

function camel(_: string, letter: string | undefined): string {
  return letter?.toUpperCase() ?? "";
}
