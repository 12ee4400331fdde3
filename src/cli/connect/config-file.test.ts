import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { readConfigFile, replaceConfigFile } from "./config-file.ts";

const NOW = new Date("2026-11-21T22:10:05.123Z");
const OPEN = { now: NOW, isSecret: false };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-config-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const modeOf = (path: string) => statSync(path).mode & 0o7777;

describe("a client's file", () => {
  it("is made with its folders, for its owner alone", async () => {
    const path = join(folder, "a/b/mcp.json");
    expect(await replaceConfigFile(await readConfigFile(path), "{}\n", OPEN)).toBeUndefined();
    expect(readFileSync(path, "utf8")).toBe("{}\n");
    expect(modeOf(path)).toBe(0o600);
    expect(readdirSync(join(folder, "a/b"))).toEqual(["mcp.json"]);
  });

  it.each([0o644, 0o600, 0o664])("keeps its mode %o, and a copy has it, too", async (mode) => {
    const path = join(folder, "mcp.json");
    writeFileSync(path, "before");
    chmodSync(path, mode);
    const backup = await replaceConfigFile(await readConfigFile(path), "after", OPEN);
    expect(backup).toBe(`${path}.2026-11-21T22-10-05.123Z.bak`);
    expect([readFileSync(path, "utf8"), readFileSync(backup ?? "", "utf8")]).toEqual(["after", "before"]);
    expect([modeOf(path), modeOf(backup ?? "")]).toEqual([mode, mode]);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it.each([
    { before: 0o644, after: 0o600 },
    { before: 0o660, after: 0o600 },
    { before: 0o400, after: 0o400 },
    { before: 0o700, after: 0o700 },
  ])("becomes its owner's alone with a secret in it, and the copy is as it was: $before", async ({ before, after }) => {
    const path = join(folder, "mcp.json");
    writeFileSync(path, "before");
    chmodSync(path, before);
    const backup = await replaceConfigFile(await readConfigFile(path), "a secret", { now: NOW, isSecret: true });
    expect([modeOf(path), modeOf(backup ?? "")]).toEqual([after, before]);
  });

  it("is replaced where a symbolic link leads, and the link stays", async () => {
    mkdirSync(join(folder, "dotfiles"));
    const [real, link] = [join(folder, "dotfiles/mcp.json"), join(folder, "mcp.json")];
    writeFileSync(real, "before");
    symlinkSync("dotfiles/mcp.json", link);
    const file = await readConfigFile(link);
    expect(file.path).toBe(real);
    const backup = await replaceConfigFile(file, "after", OPEN);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(link, "utf8")).toBe("after");
    expect(backup).toMatch(/dotfiles\/mcp\.json\..*\.bak$/);
  });

  it("is not replaced where somebody else has just written it", async () => {
    const path = join(folder, "mcp.json");
    writeFileSync(path, "before");
    const file = await readConfigFile(path);
    writeFileSync(path, "theirs");
    await expect(replaceConfigFile(file, "ours", OPEN)).rejects.toThrow("was changed by somebody else");
    expect(readFileSync(path, "utf8")).toBe("theirs");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it.each([
    ["a link to nothing", (path: string) => symlinkSync("nowhere", path), "is a symbolic link to what does not exist"],
    ["a folder", (path: string) => mkdirSync(path), "is no file"],
    ["what is no text", (path: string) => writeFileSync(path, Buffer.from([0x7b, 0xff, 0x7d])), "is not UTF-8"],
    ["what is too long", (path: string) => writeFileSync(path, " ".repeat(4 * 1024 * 1024 + 1)), "bytes; at most"],
  ])("is not read where it is %s", async (_, make, message) => {
    const path = join(folder, "mcp.json");
    make(path);
    await expect(readConfigFile(path)).rejects.toThrow(message);
  });
});
