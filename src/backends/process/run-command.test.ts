import { expect, it } from "@jest/globals";
import { runCommand } from "./run-command.ts";

it("gives up a command that a signal has ended, though what it left holds its output", async () => {
  const left = "setsid sleep 5 & sleep 0.2; kill -9 $$";
  const options = { cwd: "/", env: { PATH: "/usr/bin:/bin" }, timeoutMs: 1_000, signal: new AbortController().signal };
  await expect(runCommand(["sh", "-c", left], options)).rejects.toThrow("took longer than 1 s");
});
