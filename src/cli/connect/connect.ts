import { homedir } from "node:os";
import { resolve } from "node:path";
import { type RuntimeDeployment, runtimeDeployments } from "../../api/v1alpha1/index.ts";
import { isReason } from "../../machinery/client.ts";
import { asksForToken } from "../../mcp-client/asks-for-token.ts";
import { type ClientOptions, type CommandClient, commandClient } from "../client-command.ts";
import { type CommandContext, write } from "../command-context.ts";
import { typedValue } from "../typed-value.ts";
import { UsageError } from "../usage-error.ts";
import { visible } from "../visible-text.ts";
import {
  CLIENTS,
  type ClientConfig,
  type ClientName,
  clientConfig,
  clientFile,
  configText,
  isPlainBeyondThisMachine,
} from "./client-config.ts";
import { isShared, readConfigFile, replaceConfigFile } from "./config-file.ts";
import { withServerEntry } from "./edit-config.ts";

/** As typed. */
export interface ConnectOptions extends ClientOptions {
  readonly name: string;
  readonly client: string;
  /** What it is called in the client. Default: the deployment's name. */
  readonly as?: string;
  /** Written as it is; `@file`, or `-` for standard input. Default: a place for one, where the gateway asks for it. */
  readonly token?: string;
  readonly write?: boolean;
  /** Default: where the client looks. */
  readonly file?: string;
  readonly force?: boolean;
}

export interface ConnectContext extends CommandContext {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly platform: NodeJS.Platform;
  readonly cwd: string;
  readonly now: () => Date;
}

/** What clients accept in names of servers, and show in those of their tools. */
const ENTRY_NAME = /^[A-Za-z0-9][-_.A-Za-z0-9]{0,252}$/;
/** RFC 6750. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/;

/**
 * `slipway connect NAME --client CLIENT`: prints what the client's configuration has to say so that it uses the server
 * through the gateway, or with --write puts it there. Answers the exit code.
 * @throws {UsageError} for what was typed. @throws {Error} where the server has no URL, or the file stays as it is.
 */
export async function connect(options: ConnectOptions, context: ConnectContext): Promise<number> {
  const client = clientOf(options.client);
  const { as = options.name } = options;
  if (!ENTRY_NAME.test(as)) {
    throw new UsageError(`--as: ${JSON.stringify(as)} is no name for a server; use letters, digits, '-', '_' and '.'`);
  }
  if (!options.write && (options.file !== undefined || options.force)) {
    throw new UsageError("--file and --force belong to --write");
  }
  const file = options.write ? fileOf(client, options, context) : undefined;
  const token = options.token === undefined ? undefined : await tokenOf(options.token, context.stdin);
  using api = await commandClient(options, context, "slipway-connect");
  const { url, isSse } = await addressOf(options.name, api, context.signal);
  if (token !== undefined && isPlainBeyondThisMachine(url)) {
    throw new UsageError(
      `--token: ${url} is not encrypted, and the token would travel on it; put TLS in front of the gateway`,
    );
  }
  const needed =
    token ??
    ((await needsToken(url, { ...options, namespace: api.namespace }, context.signal)) ? "placeholder" : undefined);
  const config = clientConfig(client, { name: as, url, isSse, token: needed });
  if (needed !== undefined && isPlainBeyondThisMachine(url)) {
    context.stderr.write(`WARNING ${url} is not encrypted: whoever is between reads the token\n`);
  }
  if (file === undefined) await write(context, configText(as, config));
  else {
    const entry = { name: as, url, config, force: options.force === true, isSecret: token !== undefined };
    await writeInto(file, entry, context);
  }
  for (const hint of config.hints) context.stderr.write(`NOTE ${hint}\n`);
  return 0;
}

function clientOf(typed: string): ClientName {
  const found = CLIENTS.find((name) => name === typed);
  if (found !== undefined) return found;
  throw new UsageError(`--client: ${JSON.stringify(typed)} is not known; write one of ${CLIENTS.join(", ")}`);
}

function fileOf(client: ClientName, { file }: ConnectOptions, { platform, env, cwd }: ConnectContext): string {
  const home = env.HOME || homedir();
  const found = file === undefined ? clientFile(client, { platform, env, home, cwd }) : resolve(cwd, file);
  if (found === undefined) throw new UsageError("--write: --client json is nobody's; name the file with --file");
  return found;
}

async function tokenOf(typed: string, stdin: ConnectContext["stdin"]): Promise<string> {
  const { text } = await typedValue("--token", typed, stdin);
  const token = text.trim();
  // Not quoted: it may be most of a token.
  if (!TOKEN.test(token)) throw new UsageError("--token: is no bearer token: those are ASCII without spaces");
  return token;
}

async function addressOf(
  name: string,
  { client, namespace }: CommandClient,
  signal: AbortSignal,
): Promise<{ url: string; isSse: boolean }> {
  const deployment = await client.get(runtimeDeployments, { namespace, name }, signal).catch((error: unknown) => {
    if (!isReason(error, "NotFound")) throw error;
    throw new Error(
      `there is no RuntimeDeployment ${JSON.stringify(name)} in namespace ${JSON.stringify(namespace)}; 'slipway status -A' shows all`,
    );
  });
  const url = deployment.status?.url;
  if (url === undefined || !URL.canParse(url)) {
    const why = whyNotReady(deployment);
    throw new Error(`${namespace}/${name} has no URL yet${why}; 'slipway status ${name} -n ${namespace}' tells more`);
  }
  return { url, isSse: deployment.spec.transport?.type === "sse" };
}

function whyNotReady({ status }: RuntimeDeployment): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready === undefined ? "" : `: ${visible(ready.reason)}: ${visible(ready.message)}`;
}

/** The gateway is asked. Where it cannot be, what it does by default counts: loopback is open. */
async function needsToken(
  url: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<boolean> {
  const path = [`/${namespace}/${name}/mcp`, `/${name}/mcp`].find((end) => new URL(url).pathname.endsWith(end));
  if (path === undefined) return false;
  const asked = await asksForToken(new URL(`${url.slice(0, -path.length)}/`), signal);
  return asked ?? !["localhost", "127.0.0.1", "[::1]"].includes(new URL(url).hostname);
}

interface NewEntry {
  readonly name: string;
  readonly url: string;
  readonly config: ClientConfig;
  readonly force: boolean;
  /** Whether a token is in it. */
  readonly isSecret: boolean;
}

async function writeInto(
  path: string,
  { name, url, config, force, isSecret }: NewEntry,
  context: ConnectContext,
): Promise<void> {
  const file = await readConfigFile(path);
  const edit = withServerEntry(file.text, { ...config, name, url, force });
  const place = `${config.section}.${name}`;
  switch (edit.kind) {
    case "unreadable":
      throw new Error(`${file.path} was not changed, since it cannot be read: ${edit.problem}; mend it first`);
    case "taken":
      throw new Error(
        `${file.path} was not changed: ${place} leads to ${visible(edit.by)}; choose another name with --as, or replace it with --force`,
      );
    case "unchanged":
      return await write(context, `${file.path}: ${place} leads to ${url} already; nothing was changed\n`);
    case "changed": {
      const backup = await replaceConfigFile(file, edit.text, { now: context.now(), isSecret });
      if (isSecret && isShared(file)) {
        context.stderr.write(
          `NOTE ${file.path} was open to other users; with the token in it, it is its owner's alone (mode 0600)\n`,
        );
      }
      const kept = backup === undefined ? "" : `; as it was before: ${backup}`;
      const verb = edit.replaced ? "replaced" : "added";
      const into = edit.replaced ? "in" : "to";
      return await write(context, `${verb} ${place} ${into} ${file.path}${kept}\n`);
    }
    default:
      return edit satisfies never;
  }
}
