import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { CONFORMANCE_SERVER } from "./conformance-server.ts";
import { ensureEngine } from "./ensure-engine.ts";
import { ensureSandboxImage } from "./sandbox-image.ts";

/**
 * Runs every test and ends with the one line `N passed, N failed, N skipped`. What looks at a whole Slipway at work
 * (test/e2e) comes after the rest, so that load does not blur what it looks at.
 */
await ensureEngine();
await ensureSandboxImage();

const passes = [
  {
    name: "unit and integration",
    // Most of them wait for an Engine or for a process: one more than there are cores leaves none without work.
    args: [
      `--maxWorkers=${availableParallelism() + 1}`,
      ...CONFORMANCE_SERVER,
      "--testPathIgnorePatterns",
      "/node_modules/",
      "<rootDir>/test/e2e/",
    ],
  },
  // These mostly wait, too.
  { name: "end to end", args: [`--maxWorkers=${availableParallelism() + 1}`, "--testPathPatterns", "test/e2e/"] },
];
const folder = mkdtempSync(join(tmpdir(), "slipway-test-"));
const total = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const { name, args } of passes) {
    console.log(`\n— ${name}`);
    const report = join(folder, `${name.replaceAll(" ", "-")}.json`);
    const { status } = spawnSync(
      process.execPath,
      [
        "--experimental-vm-modules",
        "--no-warnings",
        "node_modules/jest/bin/jest.js",
        "--json",
        `--outputFile=${report}`,
        ...args,
        ...process.argv.slice(2),
      ],
      { stdio: ["ignore", "ignore", "inherit"], env: testEnvironment() },
    );
    const result = JSON.parse(readFileSync(report, "utf8")) as JestResult;
    total.passed += result.numPassedTests;
    total.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    total.skipped += result.numPendingTests + result.numTodoTests;
    if (status !== 0) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
if (total.passed === 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

interface JestResult {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Files that did not even load. */
  numRuntimeErrorTestSuites: number;
}

/** Node 24 first in PATH for what tests start, and testcontainers without its reaper, whose image cannot be pulled offline. */
function testEnvironment(): NodeJS.ProcessEnv {
  const path = [resolve("node_modules/.bin"), process.env.PATH].join(delimiter);
  return { ...process.env, PATH: path, TESTCONTAINERS_RYUK_DISABLED: "true" };
}
