import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { codeBlocks } from "../../../test/support/markdown.ts";
import {
  CLIENTS,
  clientConfig,
  clientFile,
  configText,
  isPlainBeyondThisMachine,
  type ServerEntry,
} from "./client-config.ts";

const GOLDEN = join(import.meta.dirname, "../../../test/support/client-configs");
const local: ServerEntry = {
  name: "files",
  url: "http://127.0.0.1:7080/team-a/files/mcp",
  isSse: false,
  token: undefined,
};
const remote: ServerEntry = { ...local, url: "https://mcp.example.com/team-a/files/mcp" };

describe("the configuration of a client", () => {
  const cases = CLIENTS.flatMap((client) => [
    { client, file: `${client}-open.txt`, server: local, because: "the gateway lets anybody in" },
    {
      client,
      file: `${client}-placeholder.txt`,
      server: { ...remote, token: "placeholder" } as const,
      because: "the gateway asks for a token, and none was given",
    },
    {
      client,
      file: `${client}-token.txt`,
      server: { ...remote, isSse: true, token: "s3cret" },
      because: "a token was given, and the server speaks legacy SSE",
    },
  ]);

  it.each(cases)("$file: $because", ({ client, file, server }) => {
    const { section, entry, inputs, hints } = clientConfig(client, server);
    const text = `${JSON.stringify({ inputs, [section]: { [server.name]: entry } }, null, 2)}\n${hints.join("\n")}\n`;
    expect(text).toBe(readFileSync(join(GOLDEN, file), "utf8"));
  });

  it.each(CLIENTS)("of %s holds no token that was not given", (client) => {
    const text = JSON.stringify(clientConfig(client, { ...remote, token: "placeholder" }));
    expect(text).toMatch(/\$\{input:slipway-token\}|\$\{env:SLIPWAY_TOKEN\}|PASTE-A-TOKEN-HERE/);
  });

  it("lets mcp-remote speak plain HTTP only where it was told to beyond this machine", () => {
    const args = (url: string) => clientConfig("claude-desktop", { ...local, url }).entry.args;
    expect(args("http://10.0.0.7:7080/files/mcp")).toContain("--allow-http");
    expect(args(local.url)).not.toContain("--allow-http");
    expect(args(remote.url)).not.toContain("--allow-http");
  });
});

it.each([
  ["http://127.0.0.1:1/mcp", false],
  ["http://[::1]:1/mcp", false],
  ["http://localhost/mcp", false],
  ["https://mcp.example.com/mcp", false],
  ["http://mcp.example.com/mcp", true],
  ["http://127.0.0.1.example.com/mcp", true],
])("a token on its way to %s can be read: %s", (url, expected) => {
  expect(isPlainBeyondThisMachine(url)).toBe(expected);
});

it("is in the guide as it is written", () => {
  const shown = [
    ["vscode", { ...local, name: "everything", url: "http://127.0.0.1:7080/default/everything/mcp" }],
    ["vscode", { ...remote, token: "placeholder" }],
    ["cursor", { ...remote, token: "placeholder" }],
    ["claude-desktop", { ...remote, token: "placeholder" }],
  ] as const;
  const guide = codeBlocks(join(import.meta.dirname, "../../../docs/guides/clients.md"));
  const expected = shown.map(([client, server]) => configText(server.name, clientConfig(client, server)));
  expect(guide.filter(({ language }) => language === "json").map(({ text }) => text)).toEqual(expected);
});

describe("the file of a client", () => {
  const around = { platform: "linux", env: {}, home: "/home/ann", cwd: "/work/app" } as const;

  it.each([
    { client: "vscode", changes: {}, expected: "/work/app/.vscode/mcp.json" },
    { client: "cursor", changes: {}, expected: "/home/ann/.cursor/mcp.json" },
    { client: "claude-desktop", changes: {}, expected: "/home/ann/.config/Claude/claude_desktop_config.json" },
    {
      client: "claude-desktop",
      changes: { env: { XDG_CONFIG_HOME: "/home/ann/etc" } },
      expected: "/home/ann/etc/Claude/claude_desktop_config.json",
    },
    {
      client: "claude-desktop",
      changes: { platform: "darwin" },
      expected: "/home/ann/Library/Application Support/Claude/claude_desktop_config.json",
    },
    {
      client: "claude-desktop",
      changes: { platform: "win32", env: { APPDATA: "/c/Users/ann/AppData/Roaming" } },
      expected: "/c/Users/ann/AppData/Roaming/Claude/claude_desktop_config.json",
    },
    { client: "json", changes: {}, expected: undefined },
  ] as const)("$client is $expected", ({ client, changes, expected }) => {
    expect(clientFile(client, { ...around, ...changes })).toBe(expected);
  });
});
