import * as models from "@kubernetes/client-node";

/**
 * What a field of Kubernetes is, by the models that its client library is generated with from Kubernetes' OpenAPI: `V1PodSpec`, `string`,
 * `Array<V1Container>`, `{ [key: string]: string; }`.
 */
type TypeName = string;

interface Attribute {
  readonly baseName: string;
  readonly type: TypeName;
  readonly format: string;
}

interface Model {
  getAttributeTypeMap(): readonly Attribute[];
}

/** Kinds of others as their reference has them, as far as the chart goes: https://gateway-api.sigs.k8s.io, https://prometheus-operator.dev, https://cert-manager.io */
const OF_OTHERS: Readonly<Record<TypeName, Readonly<Record<string, TypeName>>>> = {
  "gateway.networking.k8s.io/v1 HTTPRoute": { spec: "HTTPRouteSpec" },
  HTTPRouteSpec: { parentRefs: "Array<ParentReference>", hostnames: "Array<string>", rules: "Array<HTTPRouteRule>" },
  ParentReference: {
    ...{ group: "string", kind: "string", namespace: "string", name: "string", sectionName: "string" },
    port: "number",
  },
  HTTPRouteRule: {
    ...{ name: "string", matches: "Array<HTTPRouteMatch>", timeouts: "HTTPRouteTimeouts" },
    backendRefs: "Array<HTTPBackendRef>",
  },
  HTTPRouteMatch: { path: "HTTPPathMatch" },
  HTTPPathMatch: { type: "string", value: "string" },
  HTTPRouteTimeouts: { request: "string", backendRequest: "string" },
  HTTPBackendRef: {
    ...{ group: "string", kind: "string", namespace: "string", name: "string" },
    ...{ port: "number", weight: "number" },
  },
  "monitoring.coreos.com/v1 ServiceMonitor": { spec: "ServiceMonitorSpec" },
  ServiceMonitorSpec: { selector: "V1LabelSelector", endpoints: "Array<Endpoint>" },
  Endpoint: { port: "string", path: "string", interval: "string", scrapeTimeout: "string" },
  "monitoring.coreos.com/v1 PrometheusRule": { spec: "PrometheusRuleSpec" },
  PrometheusRuleSpec: { groups: "Array<RuleGroup>" },
  RuleGroup: { name: "string", interval: "string", rules: "Array<AlertingRule>" },
  AlertingRule: {
    ...{ alert: "string", expr: "string", for: "string" },
    ...{ labels: "{ [key: string]: string; }", annotations: "{ [key: string]: string; }" },
  },
  "cert-manager.io/v1 Issuer": { spec: "IssuerSpec" },
  IssuerSpec: { selfSigned: "SelfSignedIssuer", ca: "CAIssuer" },
  SelfSignedIssuer: {},
  CAIssuer: { secretName: "string" },
  "cert-manager.io/v1 Certificate": { spec: "CertificateSpec" },
  CertificateSpec: {
    ...{ secretName: "string", duration: "string", renewBefore: "string", dnsNames: "Array<string>" },
    ...{ privateKey: "CertificatePrivateKey", issuerRef: "IssuerReference" },
    ...{ isCA: "boolean", commonName: "string" },
  },
  CertificatePrivateKey: { algorithm: "string", size: "number", rotationPolicy: "string" },
  IssuerReference: { name: "string", kind: "string", group: "string" },
};

/** What every object of a kind of others has beside its own. */
const OBJECT: Readonly<Record<string, TypeName>> = { apiVersion: "string", kind: "string", metadata: "V1ObjectMeta" };

/** What is wrong with a manifest, strictly: fields that its kind does not have, and values of another type. Empty where nothing is. */
export function schemaProblems(manifest: { readonly kind: string }): readonly string[] {
  const { apiVersion = "" } = manifest as { readonly apiVersion?: string };
  const { kind, metadata } = manifest as { readonly kind: string; readonly metadata?: { readonly name?: string } };
  const type = typeOf(apiVersion, kind);
  const place = `${kind}/${metadata?.name ?? ""}`;
  return type === undefined ? [`${place}: no kind ${kind} of ${apiVersion} is known`] : problems(type, manifest, place);
}

function typeOf(apiVersion: string, kind: string): TypeName | undefined {
  const version = apiVersion.split("/").at(-1) ?? "";
  const name = `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`;
  const isOwn = !apiVersion.includes(".") || /(^|\.)k8s\.io\//.test(apiVersion);
  const own = `${apiVersion} ${kind}`;
  if (own in OF_OTHERS) return own;
  return isOwn && modelOf(name) ? name : undefined;
}

function modelOf(type: TypeName): Model | undefined {
  return (models as unknown as Readonly<Record<string, Model>>)[type];
}

/** Types of the fields of an object, by their names as written. */
function fieldsOf(type: TypeName): ReadonlyMap<string, Pick<Attribute, "type" | "format">> {
  const ofOthers = OF_OTHERS[type];
  if (ofOthers) {
    const all = Object.entries({ ...(type.includes(" ") && OBJECT), ...ofOthers });
    return new Map(all.map(([name, each]) => [name, { type: each, format: "" }]));
  }
  const model = modelOf(type);
  if (!model) throw new Error(`the client library has no model ${type}`);
  return new Map(model.getAttributeTypeMap().map(({ baseName, ...attribute }) => [baseName, attribute]));
}

function problems(type: TypeName, value: unknown, path: string, format = ""): readonly string[] {
  const element = /^Array<(.+)>$/.exec(type)?.[1];
  if (element !== undefined) {
    if (!Array.isArray(value)) return [`${path}: is no list`];
    return value.flatMap((each, index) => problems(element, each, `${path}[${index}]`));
  }
  const member = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (member !== undefined || !SCALARS.has(type)) {
    if (!isMap(value)) return [`${path}: is no object`];
    if (member !== undefined)
      return Object.entries(value).flatMap(([key, each]) => problems(member, each, `${path}.${key}`));
    const fields = fieldsOf(type);
    return Object.entries(value).flatMap(([key, each]) => {
      const field = fields.get(key);
      return field ? problems(field.type, each, `${path}.${key}`, field.format) : [`${path}: has no field ${key}`];
    });
  }
  const isInteger = format.startsWith("int") && format !== "int-or-string";
  if (isInteger && !Number.isInteger(value)) return [`${path}: is no integer`];
  return SCALARS.get(type)?.(value) ? [] : [`${path}: is no ${type}`];
}

const SCALARS: ReadonlyMap<TypeName, (value: unknown) => boolean> = new Map([
  ["string", (value: unknown) => typeof value === "string"],
  ["number", (value: unknown) => typeof value === "number"],
  ["boolean", (value: unknown) => typeof value === "boolean"],
  ["Date", (value: unknown) => typeof value === "string" && !Number.isNaN(Date.parse(value))],
  ["IntOrString", (value: unknown) => typeof value === "string" || Number.isInteger(value)],
  ["any", () => true],
]);

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
