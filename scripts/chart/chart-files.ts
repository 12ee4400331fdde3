import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CHART } from "./values.ts";
import { documentedValues, type ValuesSchema, valuesTable } from "./values-table.ts";

const BEGIN = "<!-- Made from values.yaml by `make generate`. -->\n";
const END = "\n<!-- End of what was made. -->";

/**
 * What the chart repeats of other files, since Helm reads nothing outside of a chart: the CRDs of `crds`, the roles for people, and its
 * values in README.md. By path.
 */
export function chartFiles(crds = "crds"): ReadonlyMap<string, string> {
  const files = globSync(`${crds}/*.yaml`).map(
    (file) => [join(CHART, "files/crds", basename(file)), read(file)] as const,
  );
  return new Map([
    ...files,
    [join(CHART, "files/roles.yaml"), read("manifests/rbac/roles.yaml")],
    [join(CHART, "README.md"), readme()],
  ]);
}

function readme(): string {
  const text = read(join(CHART, "README.md"));
  const [head, rest = ""] = text.split(BEGIN, 2);
  const tail = rest.slice(rest.indexOf(END));
  if (!tail.startsWith(END)) throw new Error(`${CHART}/README.md: the lines around the table of values are gone`);
  const schema = JSON.parse(read(join(CHART, "values.schema.json"))) as ValuesSchema;
  return `${head}${BEGIN}\n${valuesTable(documentedValues(read(join(CHART, "values.yaml")), schema))}\n${tail}`;
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}
