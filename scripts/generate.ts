import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { stringify } from "yaml";
import type { JsonSchema } from "../src/api/json-schema.ts";
import { customResourceDefinition, type KindSchema, objectSchema } from "../src/api/v1alpha1/kind-schema.ts";
import { kindSchemas } from "../src/api/v1alpha1/kinds.ts";
import { chartFiles } from "./chart/chart-files.ts";
import { referenceOf } from "./reference.ts";

/** Writes everything that is made from the schemas. Called with a folder, writes below that one instead. */
const root = process.argv[2] ?? ".";

for (const kind of kindSchemas) {
  const { plural, kind: name } = kind.names;
  write(
    `crds/${plural}.yaml`,
    stringify(customResourceDefinition(kind), { lineWidth: 120, aliasDuplicateObjects: false }),
  );
  const file = name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
  write(`src/api/v1alpha1/generated/${file}.ts`, await typesOf(kind));
  write(`docs/reference/${file}.md`, referenceOf(kind));
}
for (const [path, text] of chartFiles(join(root, "crds"))) write(path, text);

function write(path: string, text: string): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}

async function typesOf(kind: KindSchema): Promise<string> {
  const schema = forTypes(objectSchema(kind)) as JSONSchema & { properties: Record<string, JSONSchema> };
  const { spec, status } = schema.properties;
  const parts = [
    ["Spec", spec],
    ["Status", status],
  ] as const;
  const bodies = await Promise.all(
    parts.map(([suffix, part]) =>
      compile(part as JSONSchema, `${kind.names.kind}${suffix}`, {
        bannerComment: "",
        additionalProperties: false,
        ignoreMinAndMaxItems: true,
        style: { printWidth: 120 },
      }),
    ),
  );
  const object = `import type { KubeObject } from "../../meta.ts";

/** ${kind.description} */
export interface ${kind.names.kind} extends KubeObject {
  apiVersion: "slipway.dev/v1alpha1";
  kind: "${kind.names.kind}";
  spec: ${kind.names.kind}Spec;
  status?: ${kind.names.kind}Status;
}
`;
  return `// Generated from the schema by scripts/generate.ts. Do not edit.\n${object}\n${bodies.join("\n")}`;
}

/** Plain JSON Schema for the type compiler: int-or-string spelled out, defaulted fields present as the server returns them. */
function forTypes(schema: JsonSchema): Record<string, unknown> {
  const { properties, items, default: _default, pattern: _pattern, ...rest } = schema;
  const result: Record<string, unknown> = Object.fromEntries(
    Object.entries(rest).filter(([key]) => !key.startsWith("x-kubernetes-")),
  );
  if (schema["x-kubernetes-int-or-string"]) result.type = ["integer", "string"];
  if (items) result.items = forTypes(items);
  if (properties) {
    const defaulted = Object.keys(properties).filter((name) => properties[name]?.default !== undefined);
    result.required = [...new Set([...(schema.required ?? []), ...defaulted])];
    result.properties = Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, forTypes(child)]));
  }
  return result;
}
