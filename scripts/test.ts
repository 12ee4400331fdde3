import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join, relative, resolve } from "node:path";
import { CONFORMANCE_SERVER } from "./conformance-server.ts";
import { ensureEngine } from "./ensure-engine.ts";
import { ensureSandboxImage } from "./sandbox-image.ts";

/**
 * Runs every test and ends with the one line `N passed, N failed, N skipped`. What looks at a whole Slipway at work
 * (test/e2e) comes after the rest, so that load does not blur what it looks at. A file that fails is run once more, alone, when
 * all others are through: what a busy machine alone made fail is told, and counts as passed.
 */
await ensureEngine();
await ensureSandboxImage();

/** Most tests wait for an Engine or for a process: one more than there are cores leaves none without work. */
const WORKERS = `--maxWorkers=${availableParallelism() + 1}`;
/** So many files are run again at most. Where more fail, it is not the machine. */
const MOST_RUN_AGAIN = 5;

const passes = [
  {
    name: "unit and integration",
    setup: CONFORMANCE_SERVER,
    files: ["--testPathIgnorePatterns", "/node_modules/", "<rootDir>/test/e2e/"],
  },
  { name: "end to end", setup: [], files: ["--testPathPatterns", "test/e2e/"] },
];
const folder = mkdtempSync(join(tmpdir(), "slipway-test-"));
const results = new Map<string, FileResult>();
const onlyAlone: string[] = [];
try {
  for (const { name, setup, files } of passes) {
    console.log(`\n— ${name}`);
    const whole = run([...setup, WORKERS, ...files, ...process.argv.slice(2)]);
    for (const result of whole) results.set(result.name, result);
    const failed = whole.filter(({ status }) => status === "failed");
    if (failed.length > MOST_RUN_AGAIN) continue;
    for (const { name: file } of failed) {
      const path = relative(".", file);
      console.log(`\n— once more, alone: ${path}`);
      // Workers are ended; what a failing test leaves open in this one process would be waited for without end.
      const [again] = run([...setup, "--runInBand", "--forceExit", "--runTestsByPath", file]);
      if (again === undefined || again.status === "failed") continue;
      results.set(file, again);
      onlyAlone.push(path);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
const total = { passed: 0, failed: 0, skipped: 0 };
for (const result of results.values()) count(result);
if (onlyAlone.length > 0) console.log(`\nFailed beside others and passed alone: ${onlyAlone.join(", ")}`);
if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

/** As Jest's JSON has it. */
interface FileResult {
  /** Its path. */
  readonly name: string;
  readonly status: "passed" | "failed" | "skipped" | "focused";
  /** None where the file did not even load. */
  readonly assertionResults: readonly { readonly status: string }[];
}

function run(args: readonly string[]): readonly FileResult[] {
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  const jest = ["--experimental-vm-modules", "--no-warnings", "node_modules/jest/bin/jest.js"];
  const { status } = spawnSync(process.execPath, [...jest, "--json", `--outputFile=${report}`, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    env: testEnvironment(),
  });
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as { testResults: FileResult[] };
  // Something beside the tests went wrong, such as what is set up for all of them.
  if (status !== 0 && testResults.every((result) => result.status !== "failed")) process.exitCode = 1;
  return testResults;
}

function count({ status, assertionResults }: FileResult): void {
  const failed = assertionResults.filter((result) => result.status === "failed").length;
  total.failed += status === "failed" ? Math.max(1, failed) : 0;
  for (const result of assertionResults) {
    if (result.status === "passed") total.passed += 1;
    else if (result.status !== "failed") total.skipped += 1;
  }
}

/** Node 24 first in PATH for what tests start, and testcontainers without its reaper, whose image cannot be pulled offline. */
function testEnvironment(): NodeJS.ProcessEnv {
  const path = [resolve("node_modules/.bin"), process.env.PATH].join(delimiter);
  return { ...process.env, PATH: path, TESTCONTAINERS_RYUK_DISABLED: "true" };
}
