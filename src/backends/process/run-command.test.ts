import { expect, it } from "@jest/globals";
import { runCommand } from "./run-command.ts";

it("gives up a command that a signal has ended, though what it left holds its output", async () => {
  const left = "setsid sleep 5 & sleep 0.2; kill -9 $$";
  const options = { cwd: "/", env: { PATH: "/usr/bin:/bin" }, timeoutMs: 1_000, signal: new AbortController().signal };
  await expect(runCommand(["sh", "-c", left], options)).rejects.toThrow("took longer than 1 s");
});

it("keeps no end of a secret whose beginning it has dropped", async () => {
  const script = 'process.stderr.write("//user:secretword@host/ " + "x ".repeat(8 * 1024 - 8)); process.exitCode = 1';
  const options = { cwd: "/", env: {}, timeoutMs: 10_000, signal: new AbortController().signal };
  const redact = (text: string) => text.replaceAll("secretword", "***");
  const failure = await runCommand([process.execPath, "-e", script], { ...options, redact }).catch(String);
  expect(failure).toMatch(/ended with 1: x x/);
  expect(failure).not.toContain("word");
});
