import { requiredValue } from "../registry/metadata-validation.ts";
import type { FieldError } from "../resource.ts";

/** Defaults and rules of the pod in a template, as far as a server without nodes needs them. */

export interface PodSpec {
  containers?: Container[];
  initContainers?: Container[];
  restartPolicy?: string;
  terminationGracePeriodSeconds?: number;
  dnsPolicy?: string;
  securityContext?: object;
  schedulerName?: string;
  volumes?: Volume[];
  serviceAccountName?: string;
  serviceAccount?: string;
}

interface Container {
  name?: string;
  image?: string;
  imagePullPolicy?: string;
  resources?: object;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  ports?: { protocol?: string }[];
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  startupProbe?: Probe;
}

interface Probe {
  timeoutSeconds?: number;
  periodSeconds?: number;
  successThreshold?: number;
  failureThreshold?: number;
  httpGet?: { scheme?: string; path?: string };
}

interface Volume {
  secret?: { defaultMode?: number };
  configMap?: { defaultMode?: number };
}

export interface PodTemplate {
  metadata?: { labels?: Record<string, string> };
  spec?: PodSpec;
}

/** Files of a volume are readable by all unless a mode says otherwise: 0644. */
const DEFAULT_MODE = 0o644;

/** Fills in what the API server fills in; Jobs leave the restart policy to the user. */
export function defaultPodSpec(spec: PodSpec | undefined, restartPolicy: string | undefined): void {
  if (!spec) return;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) defaultContainer(container);
  for (const { secret, configMap } of spec.volumes ?? []) {
    if (secret) secret.defaultMode ??= DEFAULT_MODE;
    if (configMap) configMap.defaultMode ??= DEFAULT_MODE;
  }
  if (restartPolicy !== undefined) spec.restartPolicy ??= restartPolicy;
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ??= "ClusterFirst";
  if (spec.serviceAccountName !== undefined) spec.serviceAccount ??= spec.serviceAccountName;
  spec.securityContext ??= {};
  spec.schedulerName ??= "default-scheduler";
}

function defaultContainer(container: Container): void {
  container.resources ??= {};
  container.terminationMessagePath ??= "/dev/termination-log";
  container.terminationMessagePolicy ??= "File";
  container.imagePullPolicy ??= isLatest(container.image ?? "") ? "Always" : "IfNotPresent";
  for (const port of container.ports ?? []) port.protocol ??= "TCP";
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) defaultProbe(probe);
  }
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
  if (probe.httpGet) {
    probe.httpGet.path ??= "/";
    probe.httpGet.scheme ??= "HTTP";
  }
}

/** No tag, or `latest`. A digest is no tag. */
function isLatest(image: string): boolean {
  if (image.includes("@")) return false;
  const tag = image.slice(image.lastIndexOf("/") + 1).split(":")[1];
  return tag === undefined || tag === "latest";
}

export function podSpecErrors(spec: PodSpec | undefined, path: string): FieldError[] {
  const containers = spec?.containers ?? [];
  if (containers.length === 0) return [requiredValue(`${path}.containers`, "")];
  return containers.flatMap(({ name, image }, index) => [
    ...(name ? [] : [requiredValue(`${path}.containers[${index}].name`, "")]),
    ...(image ? [] : [requiredValue(`${path}.containers[${index}].image`, "")]),
  ]);
}
