import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../machinery/errors.ts";
import { type ExpandedVariables, type FindSibling, type Part, PROJECT_DOMAIN, partsOf } from "../variables.ts";

/** What references to a project stand for. */
export interface ProjectFacts {
  readonly id: string;
  readonly region: string;
  /** Undefined while the project has no app that tells of it. */
  readonly subdomain: string | undefined;
}

export interface ExpansionInput {
  readonly env: Readonly<Record<string, string>>;
  readonly project: ProjectFacts;
  readonly siblings: FindSibling;
  /** Name of a deployment's app. */
  appOf(sibling: NonNullable<ReturnType<FindSibling>>): string;
  /** Name of the RuntimeBackend. */
  readonly backend: string;
}

const ID = "CE_PROJECT_ID";
const SUBDOMAIN = "CE_SUBDOMAIN";
const REGION = "CE_REGION";
/** So much of what somebody wrote is told. */
const LONGEST = 64;
const KNOWN = [ID, SUBDOMAIN, REGION];

/**
 * Pure. The address of a sibling is that of its app, whether the project is named by its ID or by its subdomain; another
 * name may be an app of others, and stays.
 * @throws {TerminalError} `InvalidSpec`, which names the variable and the reference, and not the rest of the value.
 */
export function expandVariables({ env, project, siblings, appOf, backend }: ExpansionInput): ExpandedVariables {
  const missing = new Set<string>();
  const toldSubdomain = (variable: string, part: Part): string | undefined => {
    if (project.subdomain === undefined)
      missing.add(`env ${variable}: ${part.text} is kept until the project has an app that tells its subdomain`);
    return project.subdomain;
  };
  const addressOf = (variable: string, host: string, subdomain: string): string => {
    const sibling = siblings(host);
    if (!sibling)
      missing.add(
        `env ${variable}: "${host}" is no RuntimeDeployment of this namespace on RuntimeBackend "${backend}", so its name is kept`,
      );
    return `${sibling ? appOf(sibling) : host}.${subdomain}${PROJECT_DOMAIN}`;
  };
  const resolve = (variable: string, part: Part): string => {
    if (part.kind === "text") return part.text;
    if (part.kind === "variable" && part.name === ID) return project.id;
    if (part.kind === "variable" && part.name === REGION) return project.region;
    if (part.kind === "variable" && part.name !== SUBDOMAIN) throw unknown(variable, part.text);
    const subdomain = toldSubdomain(variable, part);
    if (subdomain === undefined) return part.text;
    return part.kind === "address" ? addressOf(variable, part.host, subdomain) : subdomain;
  };
  const expanded = Object.entries(env).map(([variable, value]) => {
    const parts = partsOf(value).map((part) => resolve(variable, part));
    return [variable, parts.join("")];
  });
  const waits = missing.size > 0 && project.subdomain === undefined;
  return { env: Object.fromEntries(expanded), missing: [...missing], waits };
}

function unknown(variable: string, text: string): TerminalError {
  const known = KNOWN.map(reference).join(", ");
  return new TerminalError(
    Reason.InvalidSpec,
    `spec.env: the value of ${variable} refers to ${JSON.stringify(text.slice(0, LONGEST))}, which there is not; known are ${known}. Write $${reference("CE_")} for the text itself`,
  );
}

function reference(name: string): string {
  return `\${${name}}`;
}
