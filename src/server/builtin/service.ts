import { randomInt } from "node:crypto";
import { invalidValue, requiredValue } from "../registry/metadata-validation.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";

interface ServicePort {
  name?: string;
  port?: number;
  protocol?: string;
  targetPort?: number | string;
}

interface ServiceSpec {
  type?: string;
  clusterIP?: string;
  clusterIPs?: string[];
  ports?: ServicePort[];
  sessionAffinity?: string;
  ipFamilies?: string[];
  ipFamilyPolicy?: string;
  internalTrafficPolicy?: string;
  externalName?: string;
}

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/** Nothing routes here: a service gets an address of Kubernetes' usual range, so that clients find what they expect. */
export const serviceStrategy: Partial<Strategy> = {
  applyDefaults(object) {
    const spec = specOf(object);
    spec.type ??= "ClusterIP";
    spec.sessionAffinity ??= "None";
    for (const port of spec.ports ?? []) {
      port.protocol ??= "TCP";
      port.targetPort ??= port.port ?? 0;
    }
  },
  prepareForCreate(object) {
    object.status = { loadBalancer: {} };
    addAddresses(specOf(object));
  },
  prepareForUpdate(object, previous) {
    const spec = specOf(object);
    const { clusterIP, clusterIPs } = specOf(previous);
    if (clusterIP !== undefined) spec.clusterIP ??= clusterIP;
    if (clusterIPs !== undefined) spec.clusterIPs ??= clusterIPs;
    addAddresses(spec);
  },
  validate,
  validateUpdate: (next) => validate(next),
};

function specOf(object: ApiObject): ServiceSpec {
  object.spec ??= {};
  return object.spec as ServiceSpec;
}

function addAddresses(spec: ServiceSpec): void {
  if (spec.type === "ExternalName") return;
  spec.clusterIP ||= `10.${randomInt(96, 112)}.${randomInt(256)}.${randomInt(1, 255)}`;
  spec.clusterIPs ??= [spec.clusterIP];
  spec.ipFamilies ??= ["IPv4"];
  spec.ipFamilyPolicy ??= "SingleStack";
  spec.internalTrafficPolicy ??= "Cluster";
}

function validate(object: ApiObject): FieldError[] {
  const { type = "", ports = [], clusterIP, externalName } = specOf(object);
  const errors: FieldError[] = [];
  if (!TYPES.includes(type)) {
    const supported = TYPES.map((name) => JSON.stringify(name)).join(", ");
    const message = `Unsupported value: ${JSON.stringify(type)}: supported values: ${supported}`;
    errors.push({ type: "FieldValueNotSupported", path: "spec.type", message });
  }
  if (type === "ExternalName") {
    if (!externalName) errors.push(requiredValue("spec.externalName", ""));
    return errors;
  }
  if (ports.length === 0 && clusterIP !== "None") errors.push(requiredValue("spec.ports", ""));
  ports.forEach((port, index) => {
    errors.push(...portErrors(port, `spec.ports[${index}]`, ports.length > 1));
  });
  return errors;
}

function portErrors({ name, port = 0, targetPort = 0 }: ServicePort, path: string, needsName: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const range = "must be between 1 and 65535, inclusive";
  if (needsName && !name) errors.push(requiredValue(`${path}.name`, ""));
  if (!isPort(port)) errors.push(invalidValue(`${path}.port`, port, range));
  if (typeof targetPort === "number" && !isPort(targetPort)) {
    errors.push(invalidValue(`${path}.targetPort`, targetPort, range));
  }
  return errors;
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65535;
}
