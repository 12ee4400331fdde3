import { parseAllDocuments } from "yaml";
import { type Rendering, renderChart } from "../../scripts/chart/render.ts";
import { defaultValues, mergedValues, type Values } from "../../scripts/chart/values.ts";

type Texts = Readonly<Record<string, string>>;

/** A Kubernetes object, with names for what several tests look into. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Texts;
    readonly annotations?: Texts;
  };
  readonly spec?: { readonly template?: PodTemplate };
  readonly rules?: readonly Rule[];
  readonly webhooks?: readonly Webhook[];
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface Webhook {
  readonly name: string;
  readonly failurePolicy: string;
  readonly clientConfig: { readonly service?: { readonly path: string } };
  readonly matchConditions?: readonly { readonly expression: string }[];
  readonly rules: readonly { readonly apiGroups: readonly string[] }[];
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Texts };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly volumes?: readonly { readonly name: string }[];
    readonly securityContext?: SecurityContext;
    readonly hostNetwork?: boolean;
    readonly hostPID?: boolean;
    readonly hostIPC?: boolean;
  };
}

export interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly ports?: readonly { readonly hostPort?: number }[];
  readonly securityContext?: SecurityContext;
}

export interface SecurityContext {
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seccompProfile?: { readonly type: string };
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
}

export interface RenderedChart {
  readonly objects: readonly Manifest[];
  readonly notes: string;
  /** @throws {Error} where there is not exactly one. */
  one(kind: string, name: string): Manifest;
}

/** What the chart makes of these values, merged with its own. @throws {Error} with what a template or the YAML parser said. */
export function chartOf(given: Values = {}, options: Omit<Rendering, "values"> = {}): RenderedChart {
  const files = renderChart({ ...options, values: mergedValues(defaultValues(options.chart), given) });
  const { "templates/NOTES.txt": notes = "", ...templates } = files;
  const objects = Object.entries(templates).flatMap(([name, text]) => parsed(name, text));
  return {
    objects,
    notes,
    one(kind, name) {
      const [found, ...others] = objects.filter((each) => each.kind === kind && each.metadata.name === name);
      if (!found || others.length > 0)
        throw new Error(`${others.length + (found ? 1 : 0)} objects are ${kind} ${name}`);
      return found;
    },
  };
}

/** Few templates are changed by a value, and to parse the kinds takes longer than all else. */
const known = new Map<string, { readonly text: string; readonly objects: readonly Manifest[] }>();
function parsed(name: string, text: string): readonly Manifest[] {
  const before = known.get(name);
  if (before?.text === text) return before.objects;
  const objects = manifestsOf(name, text);
  known.set(name, { text, objects });
  return objects;
}

/** The objects of a YAML text, whose name is for messages. */
export function manifestsOf(name: string, text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors;
    if (problem) throw new Error(`${name}: ${problem.message}`);
    const object: unknown = document.toJS();
    return object === null ? [] : [object as Manifest];
  });
}

/** What is at a path such as `spec.ports.0.name`; of a list -1 is the last. Undefined where there is nothing. */
export function valueAt(object: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value.at(Number(key));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  }, object);
}
