import type { CatalogRuntime, CatalogServer, Setting } from "./catalog.ts";
import { FieldReader } from "./field-reader.ts";
import { readDocker } from "./read-docker.ts";
import { SettingReader } from "./read-settings.ts";
import { InvalidCatalog, SourceText } from "./source-text.ts";

export interface CatalogInput {
  readonly text: string;
  /** What `${VAR}` stands for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Contents of an `env_file`. @throws {Error} whose message says why it cannot be read. */
  readonly readVariableFile: (path: string) => string;
}

/** As names of RuntimeDeployments. */
const ID = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const URL_SHAPE = /^https?:\/\/[^/?#\s@]+([/?][^#\s]*)?$/;
/** Known, and of no use here. */
const NOT_YET = ["k8s-job", "k8s-service"];
const TYPES = ["local-process", "remote-sse", "docker"];

/** Pure but for `readVariableFile`. @throws {InvalidCatalog} with everything that is wrong with it. */
export function readCatalog(input: CatalogInput): CatalogServer[] {
  const source = new SourceText(input.text);
  const problems: string[] = [];
  const catalog = new FieldReader(source.value, { source, problems, path: [] });
  const servers = (source.value as { servers?: unknown } | null)?.servers;
  const list = Array.isArray(servers) ? servers : [];
  if (!Array.isArray(servers)) catalog.refuse("servers", "is required, and must be a list");
  catalog.done("a catalog", ["servers"]);
  const settings = new SettingReader(input.environment);
  const seen = new Set<string>();
  const found = list.flatMap((value: unknown, at) => {
    const fields = new FieldReader(value, { source, problems, path: ["servers", at] });
    const server = readServer(fields, settings, input);
    if (server && seen.has(server.id)) fields.refuse("id", `${server.id} is there twice; rename one`);
    if (server) seen.add(server.id);
    return server ? [server] : [];
  });
  if (problems.length > 0) throw new InvalidCatalog(problems);
  return found;
}

function readServer(fields: FieldReader, settings: SettingReader, input: CatalogInput): CatalogServer | undefined {
  const id = fields.text("id", "required");
  if (id !== undefined && !ID.test(id)) {
    fields.refuse("id", "must be lower-case letters, digits and -, at most 63, since it becomes a name in Kubernetes");
  }
  const displayName = settings.plain(fields, "display_name");
  const description = settings.plain(fields, "description");
  const tags = settings.plains(fields, "tags");
  const env = settings.variables(fields);
  const runtime = fields.within("runtime");
  const from = runtime && readRuntime(runtime, settings, input);
  if (from?.runtime.type === "remote-sse" && env.length > 0) {
    fields.refuse("env", "reaches no server that somebody else runs; remove it, or send it by runtime.headers");
  }
  fields.done("a server");
  if (id === undefined || !from) return undefined;
  // As with Docker: what the catalog says itself wins.
  const own = new Set(env.map(({ name }) => name));
  const variables = [...from.variables.filter(({ name }) => !own.has(name)), ...env];
  return { id, displayName, description, tags, env: variables, runtime: from.runtime };
}

interface ReadRuntime {
  readonly runtime: CatalogRuntime;
  /** Out of its `env_file`. */
  readonly variables: readonly Setting[];
}

function readRuntime(fields: FieldReader, settings: SettingReader, input: CatalogInput): ReadRuntime | undefined {
  const type = fields.text("type", "required");
  switch (type) {
    case undefined:
      return undefined;
    case "local-process": {
      const command = settings.plain(fields, "command", "required");
      const args = settings.plains(fields, "args");
      const workingDir = settings.plain(fields, "working_dir");
      if (workingDir !== undefined && !workingDir.startsWith("/")) {
        fields.refuse("working_dir", "must be an absolute path");
      }
      fields.done(`runtime type ${type}`);
      return command === undefined ? undefined : { runtime: { type, command, args, workingDir }, variables: [] };
    }
    case "remote-sse": {
      const url = settings.plain(fields, "url", "required");
      if (url !== undefined && !(URL_SHAPE.test(url) && URL.canParse(url))) {
        fields.refuse("url", "must be http://HOST/PATH or https://HOST/PATH, without user, password and fragment");
      }
      const headers = settings.headers(fields);
      fields.done(`runtime type ${type}`);
      return url === undefined ? undefined : { runtime: { type, url, headers }, variables: [] };
    }
    case "docker": {
      const runtime = readDocker(fields, settings);
      const variables = variablesOfFile(fields, settings, input);
      fields.done(`runtime type ${type}`);
      return runtime && { runtime, variables };
    }
    default:
      fields.refuse(
        "type",
        NOT_YET.includes(type)
          ? `${type} is not supported by Slipway so far; take this server out of the catalog`
          : `${JSON.stringify(type.slice(0, 64))} is no type of a runtime; there are ${TYPES.join(", ")}`,
      );
      return undefined;
  }
}

function variablesOfFile(
  fields: FieldReader,
  settings: SettingReader,
  { readVariableFile }: CatalogInput,
): readonly Setting[] {
  const path = settings.plain(fields, "env_file");
  if (path === undefined) return [];
  try {
    return settings.variableFile(readVariableFile(path), fields);
  } catch (error) {
    fields.refuse("env_file", (error as Error).message);
    return [];
  }
}
