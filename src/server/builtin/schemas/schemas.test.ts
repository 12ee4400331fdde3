import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import type { JsonSchema } from "../../../api/json-schema.ts";
import { compileSchema } from "../../schema/compiled-schema.ts";
import { builtInSchema, publishedSchema } from "./index.ts";
import { KIND_TYPES } from "./kind-types.ts";

it.each([...KIND_TYPES.keys()])("%s is described down to scalars", (key) => {
  const [group = "", version = "", kind = ""] = key.split("/");
  const schema = builtInSchema(group, version, kind) as JsonSchema;
  expect(emptyObjects(schema, kind, new Set())).toEqual([]);
  expect(schema.description).toMatch(/\.$/);
});

/** Paths of objects that have neither fields nor anything that says why. */
function emptyObjects(schema: JsonSchema, path: string, seen: Set<JsonSchema>): string[] {
  if (seen.has(schema)) return [];
  seen.add(schema);
  const { properties = {}, additionalProperties, items, type } = schema;
  const children = [
    ...Object.entries(properties).map(([name, property]) => [`${path}.${name}`, property] as const),
    ...(typeof additionalProperties === "object" ? [[`${path}{}`, additionalProperties] as const] : []),
    ...(items === undefined ? [] : [[`${path}[]`, items] as const]),
  ];
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true;
  // Two types of Kubernetes have no fields on purpose.
  const isEmptyByDesign = /\.(?:sleep|linux|windows|anonymous|defaultBackend)$/i.test(path);
  const own = type === "object" && children.length === 0 && !isOpen && !isEmptyByDesign ? [path] : [];
  return [...own, ...children.flatMap(([at, child]) => emptyObjects(child, at, seen))];
}

it("requires nothing in what validates, and says what is required in what is published", () => {
  expect(JSON.stringify(builtInSchema("apps", "v1", "Deployment"))).not.toContain('"required":[');
  expect(publishedSchema("apps", "v1", "Deployment")?.properties?.spec?.required).toEqual(["selector", "template"]);
});

it("prunes and defaults a built-in object", () => {
  const schema = compileSchema(builtInSchema("", "v1", "Pod") as JsonSchema);
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a" },
    spec: { containers: [{ name: "c", image: "i", imagePullpolicy: "Always", ports: [{ containerPort: 80 }] }] },
  };
  expect(schema.prune(pod)).toEqual(["spec.containers[0].imagePullpolicy"]);
  schema.applyDefaults(pod);
  expect(pod.spec).toMatchObject({
    restartPolicy: "Always",
    containers: [{ terminationMessagePolicy: "File", ports: [{ containerPort: 80, protocol: "TCP" }] }],
  });
  expect(schema.validate(pod)).toEqual([]);
});

it("is what the script makes", () => {
  const folder = mkdtempSync(join(tmpdir(), "built-in-types-"));
  try {
    const target = join(folder, "types.jsonl");
    execFileSync(process.execPath, ["scripts/built-in-types.ts", target]);
    const committed = readFileSync(new URL("types.jsonl", import.meta.url), "utf8");
    expect(readFileSync(target, "utf8")).toBe(committed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
