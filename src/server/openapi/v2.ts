import type { ResourceDefinition } from "../resource.ts";
import { pathsOf } from "./paths.ts";
import { scaleDefinition } from "./scale-definition.ts";
import { SchemaPublisher } from "./schema-publisher.ts";
import type { OpenApiV2Document } from "./v2-protobuf.ts";

/** The Swagger 2 document of everything that is served, for older clients. */
export function openApiV2(definitions: readonly ResourceDefinition[]): OpenApiV2Document {
  const publisher = new SchemaPublisher(2);
  const paths: Record<string, object> = {};
  for (const definition of definitions) {
    publisher.addKind(definition);
    Object.assign(paths, pathsOf(definition, publisher, 2));
  }
  publisher.addKind(scaleDefinition);
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: "unversioned" },
    paths,
    definitions: publisher.schemas,
  };
}
