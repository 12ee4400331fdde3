import { join } from "node:path";

/** The programs whose configuration is known, and `json` for others that take the usual form. */
export const CLIENTS = ["claude-desktop", "vscode", "cursor", "json"] as const;
export type ClientName = (typeof CLIENTS)[number];

/** One server as a client is told of it. */
export interface ServerEntry {
  /** What it is called in the client. */
  readonly name: string;
  readonly url: string;
  /** Legacy SSE, which one client wants to know. */
  readonly isSse: boolean;
  /** Undefined where the gateway asks for none. A value is written as it is; a placeholder says where to put one. */
  readonly token: string | "placeholder" | undefined;
}

/** An input of VS Code: asked for once, kept in its secret storage. */
export interface ClientInput {
  readonly id: string;
  readonly [member: string]: unknown;
}

export interface ClientConfig {
  /** The member that holds the servers. */
  readonly section: "mcpServers" | "servers";
  readonly entry: Readonly<Record<string, unknown>>;
  readonly inputs: readonly ClientInput[];
  /** Whether the file may have comments and commas at the end. */
  readonly allowsComments: boolean;
  /** What is left to do, for people. */
  readonly hints: readonly string[];
}

/** The name under which a client of the environment finds the token. */
const TOKEN_VARIABLE = "SLIPWAY_TOKEN";
const TOKEN_INPUT = "slipway-token";
const PASTE = "PASTE-A-TOKEN-HERE";
const NEEDS_TOKEN = "a token is one of 'slipway user add' or 'kubectl create token'";

/**
 * What a client's file says about the server. Formats: code.visualstudio.com/docs/copilot/reference/mcp-configuration,
 * cursor.com/docs/mcp, modelcontextprotocol.io/docs/develop/connect-local-servers.
 */
export function clientConfig(client: ClientName, server: ServerEntry): ClientConfig {
  switch (client) {
    case "vscode":
      return forVsCode(server);
    case "cursor":
      return forCursor(server);
    case "claude-desktop":
      return forClaudeDesktop(server);
    case "json":
      return asUsual(server);
    default:
      return client satisfies never;
  }
}

function forVsCode({ url, isSse, token }: ServerEntry): ClientConfig {
  const asks = token === "placeholder";
  const value = asks ? `\${input:${TOKEN_INPUT}}` : token;
  return {
    section: "servers",
    entry: { type: isSse ? "sse" : "http", url, ...headersWith(value) },
    inputs: asks
      ? [{ type: "promptString", id: TOKEN_INPUT, description: "Token for Slipway's gateway", password: true }]
      : [],
    allowsComments: true,
    hints: asks ? [`VS Code asks for the token when it starts the server; ${NEEDS_TOKEN}`] : [],
  };
}

function forCursor({ url, token }: ServerEntry): ClientConfig {
  const asks = token === "placeholder";
  return {
    section: "mcpServers",
    entry: { url, ...headersWith(asks ? `\${env:${TOKEN_VARIABLE}}` : token) },
    inputs: [],
    allowsComments: true,
    hints: asks ? [`start Cursor with the token in ${TOKEN_VARIABLE}; ${NEEDS_TOKEN}`] : [],
  };
}

/**
 * Its file knows local programs only, and its connectors reach only what is on the Internet over https: the npm package
 * mcp-remote stands between. The header comes from the environment, since arguments with spaces are mangled on Windows.
 */
function forClaudeDesktop({ url, token }: ServerEntry): ClientConfig {
  const asks = token === "placeholder";
  const header = token === undefined ? [] : ["--header", `Authorization:\${AUTHORIZATION}`];
  return {
    section: "mcpServers",
    entry: {
      command: "npx",
      args: ["-y", "mcp-remote", url, ...(isPlainBeyondThisMachine(url) ? ["--allow-http"] : []), ...header],
      ...(token !== undefined && { env: { AUTHORIZATION: `Bearer ${asks ? PASTE : token}` } }),
    },
    inputs: [],
    allowsComments: false,
    hints: [
      ...(asks ? [`put a token in the place of ${PASTE}; ${NEEDS_TOKEN}`] : []),
      "it runs the npm package mcp-remote, so Node.js must be installed; quit Claude Desktop and start it again",
    ],
  };
}

function asUsual({ url, isSse, token }: ServerEntry): ClientConfig {
  const asks = token === "placeholder";
  return {
    section: "mcpServers",
    entry: { type: isSse ? "sse" : "http", url, ...headersWith(asks ? PASTE : token) },
    inputs: [],
    allowsComments: false,
    hints: asks ? [`put a token in the place of ${PASTE}; ${NEEDS_TOKEN}`] : [],
  };
}

function headersWith(token: string | undefined): { headers?: { Authorization: string } } {
  return token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } };
}

/** A whole file that says nothing else. */
export function configText(name: string, { section, entry, inputs }: ClientConfig): string {
  const whole = { ...(inputs.length > 0 && { inputs }), [section]: { [name]: entry } };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

/** Whether the token could be read on its way. */
export function isPlainBeyondThisMachine(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** The folder that the command was called in. */
  readonly cwd: string;
}

/**
 * The file that the client reads. Of VS Code that of the workspace, since that of the user depends on its profile. Undefined
 * for `json`, which is nobody's.
 */
export function clientFile(client: ClientName, { platform, env, home, cwd }: Surroundings): string | undefined {
  switch (client) {
    case "vscode":
      return join(cwd, ".vscode", "mcp.json");
    case "cursor":
      return join(home, ".cursor", "mcp.json");
    case "claude-desktop":
      return join(applicationData(), "Claude", "claude_desktop_config.json");
    case "json":
      return undefined;
    default:
      return client satisfies never;
  }

  function applicationData(): string {
    if (platform === "darwin") return join(home, "Library", "Application Support");
    if (platform === "win32") return env.APPDATA || join(home, "AppData", "Roaming");
    return env.XDG_CONFIG_HOME || join(home, ".config");
  }
}
