import type { JsonSchema } from "../../api/json-schema.ts";
import { WireWriter } from "../protobuf/wire-writer.ts";

/**
 * The Swagger 2 document as `openapi.v2.Document`, which is the only form in which kubectl asks for it. Field numbers are
 * those of gnostic's OpenAPIv2.proto; what our documents never hold is not written.
 * (kubectl asks for `…v2@v1.0+protobuf`, but what has an @ is no media type to Go: kube-apiserver answers with a dot, too.)
 * @see https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
 */
export const OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

export interface OpenApiV2Document {
  readonly swagger: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, object>>;
  readonly definitions: Readonly<Record<string, object>>;
}

export function encodeOpenApiV2({ swagger, info, paths, definitions }: OpenApiV2Document): Buffer {
  const pathMessage = new WireWriter();
  for (const [path, item] of Object.entries(paths)) pathMessage.message(2, named(path, pathItem(item)));
  return new WireWriter()
    .string(1, swagger)
    .message(2, new WireWriter().string(1, info.title).string(2, info.version))
    .message(8, pathMessage)
    .message(9, namedSchemas(definitions as Record<string, SwaggerSchema>))
    .finish();
}

/** In the order of their field numbers, from 2. */
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch"] as const;

interface PathItem extends Partial<Record<(typeof METHODS)[number], Operation>> {
  readonly parameters?: readonly Parameter[];
}

interface Operation {
  readonly description?: string;
  readonly operationId?: string;
  readonly produces?: readonly string[];
  readonly consumes?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly responses?: Readonly<Record<string, { readonly description: string; readonly schema?: SwaggerSchema }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
  readonly required?: boolean;
  readonly type?: string;
  readonly uniqueItems?: boolean;
  readonly schema?: SwaggerSchema;
}

type SwaggerSchema = JsonSchema & { readonly $ref?: string };

function pathItem(item: PathItem): WireWriter {
  const message = new WireWriter();
  for (const [index, method] of METHODS.entries()) {
    const found = item[method];
    message.message(index + 2, found && operation(found));
  }
  for (const each of item.parameters ?? []) message.message(9, parametersItem(each));
  return message;
}

function operation(found: Operation): WireWriter {
  const message = new WireWriter()
    .string(3, found.description)
    .string(5, found.operationId)
    .strings(6, found.produces)
    .strings(7, found.consumes);
  for (const each of found.parameters ?? []) message.message(8, parametersItem(each));
  const responses = new WireWriter();
  for (const [code, { description, schema: body }] of Object.entries(found.responses ?? {})) {
    const response = new WireWriter()
      .string(1, description)
      .message(2, body && new WireWriter().message(1, schema(body)));
    responses.message(1, named(code, new WireWriter().message(1, response)));
  }
  return extensions(message.message(9, responses), 13, found);
}

/** `Parameter` inside the `oneof` of a parameter and a reference to one. */
function parametersItem(parameter: Parameter): WireWriter {
  return new WireWriter().message(1, parameter.in === "body" ? bodyParameter(parameter) : nonBodyParameter(parameter));
}

function bodyParameter({ description, name, in: place, required, schema: body }: Parameter): WireWriter {
  const message = new WireWriter().string(1, description).string(2, name).string(3, place).bool(4, required);
  return new WireWriter().message(1, message.message(5, body && schema(body)));
}

function nonBodyParameter({ required, in: place, description, name, type, uniqueItems }: Parameter): WireWriter {
  const isPath = place === "path";
  const message = new WireWriter()
    .bool(1, required)
    .string(2, place)
    .string(3, description)
    .string(4, name)
    // A query parameter has `allow_empty_value` in this place, so that all that follows is one further.
    .string(isPath ? 5 : 6, type)
    .bool(isPath ? 19 : 20, uniqueItems);
  return new WireWriter().message(2, new WireWriter().message(isPath ? 4 : 3, message));
}

function schema(from: SwaggerSchema): WireWriter {
  const { additionalProperties, properties, items, type } = from;
  const message = new WireWriter()
    .string(1, from.$ref)
    .string(2, from.format)
    .string(3, from.title)
    .string(4, from.description)
    .message(5, from.default === undefined ? undefined : any(from.default))
    .double(6, from.multipleOf)
    .double(7, from.maximum)
    .bool(8, from.exclusiveMaximum)
    .double(9, from.minimum)
    .bool(10, from.exclusiveMinimum)
    .integer(11, from.maxLength)
    .integer(12, from.minLength)
    .string(13, from.pattern)
    .integer(14, from.maxItems)
    .integer(15, from.minItems)
    .bool(16, from.uniqueItems)
    .integer(17, from.maxProperties)
    .integer(18, from.minProperties)
    .strings(19, from.required);
  for (const value of from.enum ?? []) message.message(20, any(value));
  return extensions(
    message
      .message(21, additionalProperties === undefined ? undefined : additional(additionalProperties))
      .message(22, type === undefined ? undefined : new WireWriter().string(1, type))
      .message(23, items && new WireWriter().message(1, schema(items)))
      .message(25, properties && namedSchemas(properties)),
    31,
    from,
  );
}

function additional(properties: SwaggerSchema | boolean): WireWriter {
  return typeof properties === "boolean"
    ? new WireWriter().bool(2, properties)
    : new WireWriter().message(1, schema(properties));
}

function namedSchemas(schemas: Readonly<Record<string, SwaggerSchema>>): WireWriter {
  const message = new WireWriter();
  for (const [name, each] of Object.entries(schemas)) message.message(1, named(name, schema(each)));
  return message;
}

/** The `x-…` members of an object, each as a name and YAML; JSON is YAML. */
function extensions(message: WireWriter, number: number, from: object): WireWriter {
  for (const [name, value] of Object.entries(from)) {
    if (name.startsWith("x-")) message.message(number, named(name, any(value)));
  }
  return message;
}

function any(value: unknown): WireWriter {
  return new WireWriter().string(2, JSON.stringify(value));
}

function named(name: string, value: WireWriter): WireWriter {
  return new WireWriter().string(1, name).message(2, value);
}
