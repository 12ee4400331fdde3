import type { ResourceDefinition } from "../resource.ts";
import { pathsOf } from "./paths.ts";
import { scaleDefinition } from "./scale-definition.ts";
import { SchemaPublisher } from "./schema-publisher.ts";

/** The OpenAPI 3 document of one group version: what `kubectl explain`, `apply` and `diff` read. */
export function openApiV3(definitions: readonly ResourceDefinition[]): object {
  const publisher = new SchemaPublisher(3);
  const paths: Record<string, object> = {};
  for (const definition of definitions) {
    publisher.addKind(definition);
    Object.assign(paths, pathsOf(definition, publisher, 3));
  }
  if (definitions.some(({ subresources }) => subresources.scale)) publisher.addKind(scaleDefinition);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "unversioned" },
    paths,
    components: { schemas: publisher.schemas },
  };
}
