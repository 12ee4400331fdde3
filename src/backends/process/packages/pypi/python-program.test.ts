import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { chooseScript, isPythonScript, scriptsIn } from "./python-program.ts";

describe("the scripts of a package", () => {
  it("are what its RECORD has in bin, entry points and programs alike", () => {
    const record = [
      "../../../bin/server,sha256=x,210",
      '"../../../bin/with, comma",sha256=x,1',
      "../../../share/man/server.1,sha256=x,1",
      "server/bin/inner,sha256=x,1",
      "server/__init__.py,sha256=x,0",
      "../../../../elsewhere/bin/evil,sha256=x,1",
      "server-1.0.dist-info/RECORD,,",
    ];
    expect(scriptsIn(record.join("\r\n"))).toEqual(["server", "with, comma"]);
  });

  it.each([
    { because: "the only one, whatever its name", scripts: ["serve"], want: "serve" },
    { because: "that of its own name", scripts: ["other", "mcp-server"], want: "mcp-server" },
    { because: "that of its own name in another spelling", scripts: ["other", "MCP_Server"], want: "MCP_Server" },
  ])("are chosen from: $because", ({ scripts, want }) => {
    expect(chooseScript("mcp-server", scripts)).toBe(want);
  });
});

describe("a script", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-script-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it.each([
    { because: "by its first line", text: "#!/x/venv/bin/python3\nimport x\n", want: true },
    {
      because: "by its second, where it may be moved",
      text: `#!/bin/sh\n'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"\n' '''\n`,
      want: true,
    },
    { because: "no shell's", text: "#!/bin/sh\necho python\n", want: false },
    { because: "no program", text: "\u007fELF python", want: false },
    { because: "nothing", text: "", want: false },
  ])("is Python's or not: $because", async ({ text, want }) => {
    await writeFile(join(directory, "script"), text);
    expect(await isPythonScript(join(directory, "script"))).toBe(want);
  });

  it("is not read beyond its beginning, however long it is", async () => {
    const file = join(directory, "long");
    await writeFile(file, "#!/usr/bin/python3\n");
    // With a hole: more than Node reads into one buffer.
    await truncate(file, 8 * 1024 ** 3);
    expect(await isPythonScript(file)).toBe(true);
  });
});
