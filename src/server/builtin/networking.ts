import { isIP } from "node:net";
import { invalidValue, requiredValue } from "../registry/metadata-validation.ts";
import { subdomainErrors } from "../registry/object-name.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";

/** Ingress and NetworkPolicy: stored, checked, and acted on by nobody. */

interface IngressPath {
  path?: string;
  pathType?: string;
  backend?: { service?: { name?: string; port?: { number?: number; name?: string } }; resource?: object };
}

interface IngressSpec {
  defaultBackend?: object;
  rules?: { host?: string; http?: { paths?: IngressPath[] } }[];
}

export const ingressStrategy: Partial<Strategy> = {
  prepareForCreate: (object) => {
    object.status = { loadBalancer: {} };
  },
  validate: ingressErrors,
  validateUpdate: (next) => ingressErrors(next),
};

function ingressErrors(object: ApiObject): FieldError[] {
  const { rules = [], defaultBackend } = (object.spec ?? {}) as IngressSpec;
  if (rules.length === 0 && defaultBackend === undefined) {
    return [invalidValue("spec", null, "either `defaultBackend` or `rules` must be specified")];
  }
  return rules.flatMap(({ host, http }, at) => {
    const path = `spec.rules[${at}]`;
    const errors: FieldError[] = [];
    if (host) {
      const name = host.startsWith("*.") ? host.slice(2) : host;
      for (const message of subdomainErrors(name)) errors.push(invalidValue(`${path}.host`, host, message));
    }
    http?.paths?.forEach((entry, index) => {
      errors.push(...pathErrors(entry, `${path}.http.paths[${index}]`));
    });
    return errors;
  });
}

const PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"];

function pathErrors({ path, pathType, backend }: IngressPath, at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (pathType === undefined) errors.push(requiredValue(`${at}.pathType`, "pathType must be specified"));
  else if (!PATH_TYPES.includes(pathType)) {
    const supported = PATH_TYPES.map((name) => JSON.stringify(name)).join(", ");
    const message = `Unsupported value: ${JSON.stringify(pathType)}: supported values: ${supported}`;
    errors.push({ type: "FieldValueNotSupported", path: `${at}.pathType`, message });
  } else if (pathType !== "ImplementationSpecific" && !path?.startsWith("/")) {
    errors.push(invalidValue(`${at}.path`, path ?? "", "must be an absolute path"));
  }
  const { service } = backend ?? {};
  if (service && !service.port?.name && !service.port?.number) {
    errors.push(requiredValue(`${at}.backend`, "port name or number is required"));
  }
  return errors;
}

interface NetworkPolicySpec {
  policyTypes?: string[];
  ingress?: NetworkPolicyRule[];
  egress?: NetworkPolicyRule[];
}

interface NetworkPolicyRule {
  ports?: { protocol?: string }[];
  to?: Peer[];
  from?: Peer[];
}

interface Peer {
  ipBlock?: { cidr?: string };
}

export const networkPolicyStrategy: Partial<Strategy> = {
  applyDefaults(object) {
    const spec = policySpecOf(object);
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of ports ?? []) port.protocol ??= "TCP";
    }
    spec.policyTypes ??= ["Ingress", ...((spec.egress ?? []).length > 0 ? ["Egress"] : [])];
  },
  validate: policyErrors,
  validateUpdate: (next) => policyErrors(next),
};

function policySpecOf(object: ApiObject): NetworkPolicySpec {
  object.spec ??= {};
  return object.spec as NetworkPolicySpec;
}

function policyErrors(object: ApiObject): FieldError[] {
  const { ingress = [], egress = [] } = policySpecOf(object);
  return [
    ...ingress.flatMap(({ from = [] }, at) => peerErrors(from, `spec.ingress[${at}].from`)),
    ...egress.flatMap(({ to = [] }, at) => peerErrors(to, `spec.egress[${at}].to`)),
  ];
}

function peerErrors(peers: readonly Peer[], path: string): FieldError[] {
  return peers.flatMap(({ ipBlock }, index) => {
    if (!ipBlock || isCidr(ipBlock.cidr ?? "")) return [];
    const message = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    return [invalidValue(`${path}[${index}].ipBlock.cidr`, ipBlock.cidr ?? "", message)];
  });
}

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  const family = isIP(address);
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}
