import { createRequire } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

// Its types are those of what `require` answers, and not of what `import` does.
const { default: TestSequencer } = createRequire(import.meta.url)(
  "@jest/test-sequencer",
) as typeof import("@jest/test-sequencer");

/**
 * Files that take longest on a quiet machine, from the longest on. Jest knows no times in a fresh clone and begins with the largest
 * files: one that mostly waits would then begin when all others are through, and be waited for alone.
 */
export const SLOWEST: readonly string[] = [
  "test/e2e/failures.test.ts",
  "test/e2e/lifecycle.test.ts",
  "test/e2e/sandbox-outage.test.ts",
  "test/e2e/kill-nine.test.ts",
  "test/e2e/escape.test.ts",
  "test/e2e/approvals-edits.test.ts",
  "test/e2e/code-engine.test.ts",
  "test/e2e/code-engine-builds.test.ts",
  "test/e2e/mcp-table.test.ts",
  "test/e2e/approvals.test.ts",
  "test/e2e/docs.test.ts",
  "test/e2e/approvals-bypasses.test.ts",
  "test/e2e/drift.test.ts",
  "test/e2e/mcp-kills.test.ts",
  "test/e2e/engine-outage.test.ts",
  "test/e2e/gateway.test.ts",
  "test/integration/api-faults.test.ts",
  "src/backends/process/packages/pypi/python-packages.test.ts",
  "test/integration/docker-sandbox.test.ts",
  "test/integration/leader-frozen.test.ts",
  "test/integration/guardrail-admission.test.ts",
  "test/contract/process-backend.test.ts",
  "test/integration/process-backend.test.ts",
  "test/integration/restore-kill.test.ts",
  "test/integration/code-engine-builds.test.ts",
  "test/integration/approval-bypasses.test.ts",
  "test/conformance/compaction.test.ts",
  "test/integration/docker-sandboxed-workloads.test.ts",
  "test/scale/controller-scale.test.ts",
  "test/integration/leader-failover.test.ts",
  "test/integration/docker-workloads.test.ts",
  "test/integration/docker-stdio.test.ts",
  "test/integration/kubectl-verbs.test.ts",
  "test/integration/chart-manifests.test.ts",
  "test/integration/chart-life-cycle.test.ts",
  "test/integration/cluster-webhooks.test.ts",
  "test/integration/gateway-failover.test.ts",
  "test/integration/online-restore.test.ts",
  "test/integration/code-engine-backend.test.ts",
  "src/backends/process/supervisor/supervisor.test.ts",
];

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const places = new Map(SLOWEST.map((file, place) => [file, place]));
const placeOf = (path: string) => places.get(relative(ROOT, path)) ?? SLOWEST.length;

type Tests = Parameters<InstanceType<typeof TestSequencer>["sort"]>[0];

/** The slowest files first, all others as Jest orders them. */
export default class SlowestFirst extends TestSequencer {
  override async sort(tests: Tests): Promise<Tests> {
    const sorted = await super.sort(tests);
    return sorted.toSorted((a, b) => placeOf(a.path) - placeOf(b.path));
  }
}
