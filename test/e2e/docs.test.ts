import { execFile } from "node:child_process";
import { globSync, mkdtempSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { codeBlocks } from "../support/markdown.ts";
import { SlipwayProcess } from "../support/slipway-process.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MINUTES = 60_000;

/** Runs a script as a person would type it: every command has to succeed. */
async function bash(script: string, cwd: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = { cwd, env: { ...process.env, ...env }, timeout: 5 * MINUTES, maxBuffer: 16 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)("bash", ["-euxo", "pipefail", "-c", script], options);
  return stdout;
}

describe("README.md", () => {
  it(
    "does what it says, from make run to make stop",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "slipway-readme-"));
      const clone = join(folder, "slipway");
      try {
        await bash(`git clone --quiet ${ROOT} ${clone}`, folder);
        // The clean clone of CI has installed the packages already, by the same command.
        symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
        // Make then takes them for newer than the clone's package.json, and asks no registry.
        const later = new Date(Date.now() + MINUTES);
        utimesSync(join(ROOT, "node_modules/.package-lock.json"), later, later);
        const script = codeBlocks(join(ROOT, "README.md"))
          .filter(({ language }) => language === "sh")
          .map(({ text }) => text)
          .join("\n")
          .replace(/^git clone .*\ncd slipway$/m, `cd ${clone}`);
        expect(script).toContain(`cd ${clone}\nmake run`);
        const said = await bash(`trap 'cd ${clone}; make stop' EXIT\n${script}`, folder);
        expect(said).toContain("everything is Connected");
        expect(said).toMatch(/URL +http:\/\/127\.0\.0\.1:\d+\/default\/everything\/mcp/);
        expect(said).toContain("everything-npm is Connected");
        expect(said).toContain("Echo: ahoy");
        expect(said).toMatch(/Warning +Recreated/);
        expect(said).toMatch(/everything +Connected +True/);
        expect(said).toContain("Stopped Slipway and removed its containers");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    6 * MINUTES,
  );
});

describe("the guides", () => {
  const slipway = new SlipwayProcess();
  const blocks = globSync("{docs/guides,docs/reference,examples/*}/*.md", { cwd: ROOT })
    .sort()
    .flatMap((file) => codeBlocks(join(ROOT, file)).map((block) => ({ ...block, name: `${file}:${block.line}` })));

  beforeAll(async () => {
    await slipway.start();
  }, MINUTES);
  afterAll(() => slipway[Symbol.asyncDispose]());

  it.each(blocks.filter(({ language }) => language === "yaml"))(
    "$name is a manifest that the API takes",
    async (block) => {
      const args = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
      const said = await slipway.kubectl.run(args, { input: block.text });
      expect(said).toMatch(/serverside-applied \(server dry run\)/);
    },
  );

  it.each(blocks.filter(({ name, language }) => language === "sh" && name.startsWith("docs/guides")))(
    "$name runs",
    async ({ text }) => {
      await bash(text, ROOT, { KUBECONFIG: slipway.kubectl.kubeconfig, DATA_DIR: slipway.dataDir });
    },
    MINUTES,
  );
});
