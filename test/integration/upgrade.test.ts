import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import type { CustomResourceDefinition } from "../../src/api/custom-resource-definition.ts";
import type { JsonSchema } from "../../src/api/json-schema.ts";
import type { KubeObject } from "../../src/api/meta.ts";
import type { GuardrailProfile, RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { ownDigest } from "../../src/approvals/own-digest.ts";
import { examineSpec, profileNameOf } from "../../src/effective-spec/effective-spec.ts";
import { resolveReferences } from "../../src/effective-spec/references.ts";
import { reviewedSpec, specDigest } from "../../src/effective-spec/reviewed-spec.ts";
import { workloadSpec } from "../../src/effective-spec/workload.ts";
import { builtInProfile } from "../../src/guardrails/built-in.ts";
import { slipwayDefinitions, startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { Kubectl } from "../support/kubectl.ts";
import { narrowings } from "../support/narrowings.ts";

/** What earlier releases left in a cluster, and what becomes of it: test/support/releases/README.md says how a release adds itself. */

const RELEASES = "test/support/releases";
const CRDS_OF: Readonly<Record<string, string>> = {
  "first-kinds": `${RELEASES}/first-kinds/crds`,
  "first-chart": `${RELEASES}/first-chart/chart/files/crds`,
};
/** Rules that came later and ask nothing of an object that an earlier release let in, each with the reason. */
const HARMLESS: readonly { readonly what: string; readonly because: string }[] = [
  {
    what: ".spec: new rule self.type == 'process' || !has(self.process)",
    because: "the member process came with the rule",
  },
  { what: ".spec: new rule self.type == 'remote' || !has(self.remote)", because: "the member remote came with it" },
  {
    what: ".spec.source: new rule [has(self.image), has(self.git), has(self.__package__), has(self.process), has(self.remote)].filter(present, present).size() == 1",
    because: "image and git excluded each other before by a rule with fewer members",
  },
  {
    what: ".spec.source.package: new rule has(self.npm) != has(self.pypi)",
    because: "npm was required before, and pypi came with the rule",
  },
  {
    what: ".spec.source.package.version: pattern is ^[-0-9A-Za-z.+*^~<>=|!, ]+$",
    because: "it takes two characters more than before, for specifiers of PyPI",
  },
];

const read = <T>(file: string) => parseAllDocuments(readFileSync(file, "utf8")).map((each) => each.toJS() as T);
const definitionsIn = (folder: string) =>
  readdirSync(folder).flatMap((file) => read<CustomResourceDefinition>(join(folder, file)));

describe("the definitions", () => {
  it.each(Object.entries(CRDS_OF))("only add to those of %s", async (_, folder) => {
    const now = new Map((await slipwayDefinitions()).map((each) => [each.metadata.name, each]));
    for (const before of definitionsIn(folder)) {
      const after = now.get(before.metadata.name);
      expect(after).toBeDefined();
      const harmless = HARMLESS.map(({ what }) => what);
      const found = narrowings(before, after as CustomResourceDefinition);
      expect(found.filter((what) => !harmless.includes(what))).toEqual([]);
    }
  });

  it("are compared with every release that is kept", () => {
    expect(Object.keys(CRDS_OF).sort()).toEqual(
      readdirSync(RELEASES)
        .filter((name) => name !== "README.md")
        .sort(),
    );
  });
});

describe("what the first kinds left", () => {
  const objects = read<KubeObject>(`${RELEASES}/first-kinds/objects.yaml`);
  const definitions = definitionsIn(CRDS_OF["first-kinds"] as string);
  const input = objects.map((each) => JSON.stringify(each)).join("\n");
  let server: TestApiServer;
  let kubectl: Kubectl;
  let before: readonly KubeObject[];

  const all = async () => {
    const { items } = JSON.parse(await kubectl.run(["get", "-f", "-", "-o", "json"], { input })) as {
      items: KubeObject[];
    };
    return items;
  };

  beforeAll(async () => {
    server = await startTestApiServer({ crds: definitions });
    kubectl = new Kubectl(server.kubeconfig);
    await kubectl.run(["apply", "--server-side", "--validate=strict", "-f", "-"], { input });
    before = await all();
    await kubectl.run(["apply", "--server-side", "--force-conflicts", "-f", "crds"]);
    await kubectl.run(["wait", "crd", "--all", "--for=condition=Established", "--timeout=30s"]);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  it("is every kind of then with every field of its spec", () => {
    const missing = definitions.flatMap(({ spec: { names, versions } }) => {
      const specs = objects.filter(({ kind }) => kind === names.kind).map((each) => (each as { spec?: unknown }).spec);
      const schema = versions[0]?.schema?.openAPIV3Schema?.properties?.spec ?? {};
      return fieldsOf(schema)
        .filter((path) => !specs.some((spec) => isAt(spec, path)))
        .map((path) => `${names.kind} ${path.join(".")}`);
    });
    expect(missing).toEqual([]);
  });

  it("is what it was: nothing is new, nothing is gone, no generation moves", async () => {
    expect(await all()).toEqual(before);
  });

  it("is valid still, and the same when it is applied again", async () => {
    await kubectl.run(["apply", "--server-side", "--validate=strict", "-f", "-"], { input });
    expect((await all()).map(({ metadata }) => metadata.resourceVersion)).toEqual(
      before.map(({ metadata }) => metadata.resourceVersion),
    );
  });

  it("keeps its digests, so that approvals go on and nothing is started anew", async () => {
    const known = JSON.parse(readFileSync(`${RELEASES}/first-kinds/digests.json`, "utf8")) as object;
    expect(digestsOf(await all())).toEqual(known);
    expect(digestsOf(before)).toEqual(known);
  });

  it("takes what is new beside it", async () => {
    const backend = { apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeBackend", metadata: { name: "remote" } };
    await kubectl.apply({ ...backend, spec: { type: "remote" } });
  });
});

/** Paths of the fields that a value is given to. */
function fieldsOf(schema: JsonSchema): readonly (readonly string[])[] {
  const { properties, items, additionalProperties } = schema;
  const under = (name: string, child: JsonSchema) => fieldsOf(child).map((path) => [name, ...path]);
  if (properties) return Object.entries(properties).flatMap(([name, child]) => under(name, child));
  if (items) return under("[]", items);
  if (typeof additionalProperties === "object") return under("*", additionalProperties);
  return [[]];
}

function isAt(value: unknown, [first, ...rest]: readonly string[]): boolean {
  if (first === undefined) return value !== undefined;
  if (typeof value !== "object" || value === null) return false;
  if (first === "[]" || first === "*") return Object.values(value).some((each) => isAt(each, rest));
  return isAt((value as Record<string, unknown>)[first], rest);
}

/** What approvals are bound to, and what says whether a workload is still the right one. */
function digestsOf(objects: readonly KubeObject[]): object {
  const profiles = objects.filter(({ kind }) => kind === "GuardrailProfile") as GuardrailProfile[];
  const own = objects
    .filter(({ kind }) => ["RuntimeDeployment", "GuardrailProfile", "RuntimeBackend"].includes(kind))
    .map((each) => [`${each.kind} ${each.metadata.name}`, ownDigest(each)]);
  const deployments = objects.filter(({ kind }) => kind === "RuntimeDeployment") as RuntimeDeployment[];
  const reviewed = deployments.map((deployment) => {
    const name = profileNameOf(deployment.spec);
    const profile = profiles.find(({ metadata }) => metadata.name === name) ?? builtInProfile(name);
    if (!profile) throw new Error(`no profile ${name}`);
    const { spec } = examineSpec({
      deployment,
      profile,
      bounds: [],
      backend: {
        name: "engine",
        type: "docker",
        defaults: { limits: { cpu: "500m", memory: "512Mi", pids: 100 } },
        capabilities: undefined,
      },
    });
    const configMap = (name: string) => ({
      ...{ apiVersion: "v1", kind: "ConfigMap", data: { level: "info", "tight.json": "{}" } },
      metadata: { ...META, name },
    });
    const secret = (name: string) => ({
      ...{ apiVersion: "v1", kind: "Secret", data: { token: "dA==", ".dockerconfigjson": "e30=" } },
      metadata: { ...META, name },
    });
    const resolved = resolveReferences(spec, { secret, configMap, configMapOf: (key) => configMap(key.name) });
    const image = { pinned: `example/files@sha256:${"a".repeat(64)}` };
    const { hash } = workloadSpec({
      ...{ owner: { uid: "u", namespace: "default", name: deployment.metadata.name }, generation: 1 },
      ...{ spec, resolved, image, hashKey: Buffer.alloc(32, 7) },
    });
    const digest = specDigest(reviewedSpec(spec, { image: image.pinned, configMaps: [] }));
    return [deployment.metadata.name, { digest, hash }];
  });
  return { own: Object.fromEntries(own), deployments: Object.fromEntries(reviewed) };
}

const META = { namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
