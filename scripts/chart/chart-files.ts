import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CHART } from "./values.ts";
import { describedSchema, documentedValues, type ValuesSchema, valuesTable } from "./values-table.ts";

const BEGIN = "<!-- Made from values.yaml by `make generate`. -->\n";
const SCHEMA = "values.schema.json";
const FORMAT_TIMEOUT_MS = 60_000;
const END = "\n<!-- End of what was made. -->";

/**
 * What the chart repeats of other files, since Helm reads nothing outside of a chart: the CRDs of `crds`, the roles for people, alerts and
 * dashboard, and what values.yaml says of its values, in README.md and in their schema, from where editors show it. By path.
 */
export function chartFiles(crds = "crds"): ReadonlyMap<string, string> {
  const files = globSync(`${crds}/*.yaml`).map(
    (file) => [join(CHART, "files/crds", basename(file)), read(file)] as const,
  );
  return new Map([
    ...files,
    [join(CHART, "files/roles.yaml"), read("manifests/rbac/roles.yaml")],
    ...["rules.yaml", "dashboard.json"].map(
      (name) => [join(CHART, "files/monitoring", name), read(join("manifests/monitoring", name))] as const,
    ),
    [join(CHART, "README.md"), readme()],
    [join(CHART, SCHEMA), valuesSchema()],
  ]);
}

function readme(): string {
  const text = read(join(CHART, "README.md"));
  const [head, rest = ""] = text.split(BEGIN, 2);
  const tail = rest.slice(rest.indexOf(END));
  if (!tail.startsWith(END)) throw new Error(`${CHART}/README.md: the lines around the table of values are gone`);
  return `${head}${BEGIN}\n${valuesTable(documented())}\n${tail}`;
}

function valuesSchema(): string {
  const input = JSON.stringify(describedSchema(schema(), documented()));
  // As `make format` would leave it.
  const options = { input, encoding: "utf8", timeout: FORMAT_TIMEOUT_MS } as const;
  return execFileSync("node_modules/.bin/biome", ["format", `--stdin-file-path=${SCHEMA}`], options);
}

function documented() {
  return documentedValues(read(join(CHART, "values.yaml")), schema());
}

function schema(): ValuesSchema {
  return JSON.parse(read(join(CHART, SCHEMA))) as ValuesSchema;
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}
