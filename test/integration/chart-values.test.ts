import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { Ajv } from "ajv";
import { defaultValues, mergedValues, type Values } from "../../scripts/chart/values.ts";
import { documentedValues, type ValuesSchema } from "../../scripts/chart/values-table.ts";
import { chartOf, type RenderedChart, valueAt } from "../support/chart.ts";
import { VALUE_CASES, type ValueCase } from "../support/chart-cases.ts";
import { schemaProblems } from "../support/kubernetes-schema.ts";

const schema = JSON.parse(readFileSync("charts/slipway/values.schema.json", "utf8"));
const isValid = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false }).compile(schema);
const documented = documentedValues(readFileSync("charts/slipway/values.yaml", "utf8"), schema);

/** `a.b` and a value as the map that a values file has. */
function at(path: string, value: unknown): Values {
  const [first = "", ...rest] = path.split(".");
  return { [first]: rest.length === 0 ? value : at(rest.join("."), value) };
}

describe("the values of the chart", () => {
  it("have a case each", () => {
    expect(VALUE_CASES.map(({ path }) => path)).toEqual(documented.map(({ path }) => path));
  });

  it("are all that the schema knows, but for what Helm gives every chart", () => {
    expect(pathsOf(schema).filter((path) => !documented.some((each) => each.path === path))).toEqual([
      "enabled",
      "global",
    ]);
  });

  it("all say what they are for", () => {
    expect(documented.filter(({ description }) => description === "")).toEqual([]);
    // Editors show what the schema says.
    for (const { path, description } of documented) {
      expect(valueAt(schema, `properties.${path.replaceAll(".", ".properties.")}.description`)).toBe(description);
    }
  });

  it.each(VALUE_CASES)("$path takes effect", (each) => {
    const { path, value, with: beside = {} } = each;
    const values = mergedValues(beside, at(path, value));
    isValid(mergedValues(defaultValues(), values));
    expect(isValid.errors).toBeNull();
    const chart = chartOf(values);
    expectEffect(chart, each);
    expect(chart.objects.flatMap(schemaProblems)).toEqual([]);
    // It is not there anyway.
    expect(() => expectEffect(chartWithout(beside), each)).toThrow();
  });
});

/** Many values need nothing beside them. */
const charts = new Map<string, RenderedChart>();
function chartWithout(beside: Values): RenderedChart {
  const key = JSON.stringify(beside);
  const chart = charts.get(key) ?? chartOf(beside);
  charts.set(key, chart);
  return chart;
}

function pathsOf({ properties }: ValuesSchema): readonly string[] {
  return Object.entries(properties ?? {}).flatMap(([name, child]) =>
    child.properties ? pathsOf(child).map((path) => `${name}.${path}`) : [name],
  );
}

function expectEffect(chart: RenderedChart, { args = [], sees = {}, without = [], says = "" }: ValueCase): void {
  const [controller] = chart.one("Deployment", "slipway-controller").spec?.template?.spec.containers ?? [];
  expect(controller?.args).toEqual(expect.arrayContaining([...args]));
  for (const [place, wanted] of Object.entries(sees)) {
    const [, kind = "", name = "", path = ""] = /^(\w+)\/([^:]+):(.+)$/.exec(place) ?? [];
    const seen = valueAt(chart.one(kind, name), path);
    if (wanted instanceof RegExp) expect(Object.values(seen as object)).toEqual([expect.stringMatching(wanted)]);
    else if (isMap(wanted)) expect(seen).toMatchObject(wanted);
    else expect(seen).toEqual(wanted);
  }
  const made = chart.objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  expect(made.filter((each) => without.includes(each))).toEqual([]);
  expect(chart.notes).toContain(says);
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

describe("manifests", () => {
  const CONTAINER = { name: "c", image: "x", ports: [{ containerPort: 80 }] };
  const deployment = (container: object, spec: object = {}) => ({
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" } },
    spec: { replicas: 1, ...spec, template: { spec: { containers: [container] } } },
  });

  it.each([
    { because: "nothing is wrong", manifest: deployment(CONTAINER), says: [] },
    {
      because: "a field is misspelt",
      manifest: deployment({ ...CONTAINER, imagePullPolcy: "Never" }),
      says: ["Deployment/d.spec.template.spec.containers[0]: has no field imagePullPolcy"],
    },
    {
      because: "a number is a text",
      manifest: deployment(CONTAINER, { replicas: "2" }),
      says: ["Deployment/d.spec.replicas: is no integer"],
    },
    {
      because: "a list is a value",
      manifest: deployment({ ...CONTAINER, args: "--flag" }),
      says: ["Deployment/d.spec.template.spec.containers[0].args: is no list"],
    },
    {
      because: "nobody knows the kind",
      manifest: { apiVersion: "apps/v2", kind: "Deployment", metadata: { name: "d" } },
      says: ["Deployment/d: no kind Deployment of apps/v2 is known"],
    },
    {
      because: "it is another's",
      manifest: { apiVersion: "cert-manager.io/v1", kind: "Issuer", metadata: { name: "i" }, spec: { selfSignd: {} } },
      says: ["Issuer/i.spec: has no field selfSignd"],
    },
  ])("are held to their schemas: $because", ({ manifest, says }) => {
    expect(schemaProblems(manifest)).toEqual(says);
  });
});

const PATHS = { name: "box", ca: "/etc/ca.pem", cert: "/etc/cert.pem", key: "/etc/key.pem" };

describe("values that null takes away", () => {
  /** A number that is missing would be 0, and a text nothing: flags and fields that nobody meant. */
  const isHalf = (text: string) => /^--[-a-z]+=(0|<nil>)?$/.test(text);

  it.each(documented)("are refused, or leave what a cluster takes: $path", ({ path }) => {
    const values = at(path, null);
    if (!isValid(mergedValues(defaultValues(), values))) {
      expect(isValid.errors).toContainEqual(expect.objectContaining({ keyword: "required" }));
      return;
    }
    const { objects } = chartOf(values);
    expect(objects.flatMap(schemaProblems)).toEqual([]);
    const containers = objects.flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
    expect(containers.flatMap(({ args }) => args.filter(isHalf))).toEqual([]);
  });

  it("are refused as whole sections", () => {
    for (const section of ["tracing", "gateway", "networkPolicy"]) {
      expect(isValid(mergedValues(defaultValues(), { [section]: null }))).toBe(false);
    }
  });
});

describe("values that meet in one place", () => {
  const labels = { release: "all" };

  it.each([
    { because: "a pod has labels of its own", values: { podLabels: { release: "own" } } },
    {
      because: "a monitor has",
      values: { metrics: { serviceMonitor: { enabled: true, labels: { release: "own" } } } },
    },
    { because: "a rule has", values: { metrics: { prometheusRule: { enabled: true, labels: { release: "own" } } } } },
    { because: "a dashboard has", values: { metrics: { dashboard: { enabled: true, labels: { release: "own" } } } } },
    {
      because: "a pod has an annotation of the chart",
      values: { podAnnotations: { "kubectl.kubernetes.io/default-container": "other" } },
    },
    {
      because: "there is nothing else that the pod is told",
      values: {
        ...{ replicas: 1, nodeSelector: { engine: "yes" }, docker: { socket: { enabled: true } } },
        podSecurityContext: null,
      },
    },
  ])("make each key once where $because", ({ values }) => {
    // The parser takes no key twice.
    expect(chartOf({ commonLabels: labels, ...values }).objects.flatMap(schemaProblems)).toEqual([]);
  });

  it.each(["123", "true", "1e3"])("are texts where they look like something else: %s", (name) => {
    const { objects } = chartOf({ watchNamespaces: [name] }, { releaseName: name });
    expect(objects.flatMap(schemaProblems)).toEqual([]);
  });

  it("are each a label at most, in a release of the longest name", () => {
    const releaseName = "a".repeat(53);
    for (const { metadata, spec } of chartOf({}, { releaseName }).objects) {
      const all = { ...metadata.labels, ...spec?.template?.metadata.labels };
      expect(Object.values(all).filter((value) => value.length > 63)).toEqual([]);
    }
  });
});

describe("values that the schema refuses", () => {
  it.each([
    { because: "a name is misspelt", values: { replica: 2 } },
    { because: "a name is misspelt further down", values: { image: { tags: "1" } } },
    { because: "a number is a text", values: { replicas: "2" } },
    { because: "nobody would run", values: { replicas: 0 } },
    { because: "a digest is cut short", values: { image: { digest: "sha256:12" } } },
    { because: "an address carries a password", values: { gateway: { url: "https://me:pw@x.example" } } },
    { because: "nobody can match a wildcard in a Host header", values: { gateway: { hosts: ["*.example.com"] } } },
    { because: "another listener has the port", values: { webhooks: { port: 7080 } } },
    { because: "the selector is the chart's", values: { commonLabels: { "app.kubernetes.io/name": "x" } } },
    { because: "a file stands for what is in it", values: { docker: { credentials: [PATHS] } } },
    { because: "a backend has no name", values: { backends: [{ spec: {} }] } },
    { because: "a name is none of Kubernetes'", values: { backends: [{ name: "A B", spec: {} }] } },
    { because: "an argument is no flag", values: { controller: { extraArgs: ["up"] } } },
    {
      because: "the controller takes no more namespaces",
      values: { watchNamespaces: Array.from({ length: 65 }, (_, at) => `team-${at}`) },
    },
    {
      because: "an Ingress has hosts in small letters",
      values: { gateway: { ingress: { hosts: ["MCP.example.com"] } } },
    },
    { because: "a host has no empty label", values: { gateway: { httpRoute: { hostnames: ["mcp..example.com"] } } } },
    { because: "access has no such mode", values: { gateway: { access: "auto" } } },
  ])("since $because", ({ values }) => {
    expect(isValid(mergedValues(defaultValues(), values))).toBe(false);
  });

  it("and takes the defaults", () => {
    isValid(defaultValues());
    expect(isValid.errors).toBeNull();
  });
});

describe("values that contradict each other", () => {
  it.each([
    {
      because: "there is one Slipway in a cluster",
      values: {},
      namespace: "tools",
      says: "add --namespace slipway-system",
    },
    {
      because: "two replicas would have two Engines",
      values: { docker: { socket: { enabled: true } } },
      says: "set replicas: 1",
    },
    {
      because: "a pod may move to another Engine",
      values: { replicas: 1, docker: { socket: { enabled: true } } },
      says: "set nodeSelector",
    },
    {
      because: "only known hosts are answered",
      values: { gateway: { ingress: { enabled: true } } },
      says: "set gateway.ingress.hosts",
    },
    {
      because: "a kind that goes takes its objects along, which wait for a controller",
      values: { crds: { keep: false }, uninstall: { check: false } },
      says: "leave uninstall.check or uninstall.drain on",
    },
    {
      because: "server-side apply takes a variable once",
      values: { controller: { extraEnv: [{ name: "POD_IP", value: "10.0.0.1" }] } },
      says: "controller.extraEnv: POD_IP would be there twice",
    },
    {
      because: "one of two objects of a name would win",
      values: { backends: ["a", "b", "a"].map((name) => ({ name, spec: {} })) },
      says: "backends: a is declared twice",
    },
    {
      because: "one of two Secrets of a name would win",
      values: {
        docker: { credentials: [{ name: "box", ca: "-", cert: "-", key: "-" }] },
        codeEngine: { credentials: [{ name: "box", apiKey: "-" }] },
      },
      says: "credentials: box is declared twice",
    },
    {
      because: "the controller repairs its own profiles",
      values: { guardrailProfiles: [{ name: "standard", spec: {} }] },
      says: "guardrailProfiles: standard is built in",
    },
    {
      because: "a route belongs to a Gateway",
      values: { gateway: { httpRoute: { enabled: true } } },
      says: "parentRefs",
    },
    {
      because: "only known hosts are answered, by whatever route they come",
      values: { gateway: { httpRoute: { enabled: true, parentRefs: [{ name: "public" }] } } },
      says: "set gateway.httpRoute.hostnames, gateway.url or gateway.hosts",
    },
    {
      because: "no node could be drained",
      values: { replicas: 3, podDisruptionBudget: { minAvailable: 3 } },
      says: "minAvailable: 3 of 3 replicas",
    },
    {
      because: "no node could be drained, as Kubernetes rounds up",
      values: { podDisruptionBudget: { minAvailable: "51%" } },
      says: "minAvailable: 2 of 2 replicas",
    },
  ])("are refused before anything is made, since $because", ({ values, namespace = "slipway-system", says }) => {
    expect(() => chartOf(values, { namespace })).toThrow(says);
  });

  it.each([2, "66%"])("are not where one of three replicas may go, of which %p stay", (minAvailable) => {
    const { one } = chartOf({ replicas: 3, podDisruptionBudget: { minAvailable } });
    expect(one("PodDisruptionBudget", "slipway-controller").spec).toMatchObject({ minAvailable });
  });
});
