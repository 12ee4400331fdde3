import type { JsonSchema } from "../src/api/json-schema.ts";
import type { KindSchema } from "../src/api/v1alpha1/kind-schema.ts";

/** The reference page of one kind, as Markdown: a row for every field, in the order of the schema. */
export function referenceOf(kind: KindSchema): string {
  const { names, scope, description, spec, status } = kind;
  return [
    `# ${names.kind}`,
    "",
    "<!-- Generated from the schema by `make generate`. Do not edit. -->",
    "",
    description,
    "",
    `\`slipway.dev/v1alpha1\`, ${scope === "Namespaced" ? "namespaced" : "cluster-scoped"}; ` +
      `\`kubectl get ${names.plural}\`, short \`${names.shortNames.join("`, `")}\`. ` +
      `\`kubectl explain ${names.singular}.spec\` shows the same texts.`,
    "",
    ...table("spec", spec),
    ...table("status", status),
  ].join("\n");
}

function table(title: string, schema: JsonSchema): string[] {
  const rows = fields(title, schema);
  return [`## ${title}`, "", "| Field | Type | Default | Meaning |", "|---|---|---|---|", ...rows, ""];
}

function fields(path: string, schema: JsonSchema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const required = schema.required?.includes(name) ? " (required)" : "";
    const here = child.type === "array" ? `${path}.${name}[]` : `${path}.${name}`;
    const row = `| \`${here}\` | ${typeOf(child)}${required} | ${defaultOf(child)} | ${meaning(child)} |`;
    return [row, ...fields(here, child.items ?? child)];
  });
}

function typeOf(schema: JsonSchema): string {
  if (schema["x-kubernetes-int-or-string"]) return "quantity";
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.type === "array")
    return `list of ${schema.items?.type === "object" ? "objects" : `${schema.items?.type}s`}`;
  return schema.type ?? "any";
}

function defaultOf({ default: value }: JsonSchema): string {
  const isObject = typeof value === "object" && value !== null;
  const isEmpty = value === undefined || (isObject && Object.keys(value).length === 0);
  return isEmpty ? "" : `\`${isObject ? JSON.stringify(value) : value}\``;
}

function meaning({ description = "", minimum, maximum, "x-kubernetes-validations": rules = [] }: JsonSchema): string {
  const range = minimum !== undefined && maximum !== undefined ? ` From ${minimum} to ${maximum}.` : "";
  const checks = rules.map(({ message }) => ` Rule: ${message}.`).join("");
  return `${description}${range}${checks}`.replaceAll("|", "\\|");
}
