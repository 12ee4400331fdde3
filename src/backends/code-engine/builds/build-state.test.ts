import { describe, expect, it } from "@jest/globals";
import type { BuildRun } from "../client/resources/builds.ts";
import { stateOf } from "./build-state.ts";

const STARTED = "2026-01-01T00:00:00Z";
const DIGEST = `sha256:${"a".repeat(64)}`;

function view(run: Partial<BuildRun>, seconds = 0) {
  const now = new Date(Date.parse(STARTED) + seconds * 1000);
  const whole = { name: "run", run_build_params: [], ...run };
  return stateOf({ run: whole, repository: "registry.test/a/files", timeoutSeconds: 600, now });
}

describe("how a run stands", () => {
  it.each<{ because: string; run: Partial<BuildRun>; seconds?: number; state: object }>([
    { because: "it says nothing yet", run: {}, state: { kind: "waiting", startedAt: undefined } },
    { because: "it is pending", run: { status: "pending" }, state: { kind: "waiting" } },
    { because: "IBM has a new word for it", run: { status: "queued" }, state: { kind: "waiting" } },
    {
      because: "it runs",
      run: { status: "running", status_details: { start_time: STARTED } },
      seconds: 659,
      state: { kind: "running", startedAt: STARTED },
    },
    {
      because: "it goes on after its time",
      run: { status: "running", status_details: { start_time: STARTED } },
      seconds: 661,
      state: { kind: "failed", reason: "BuildTimeout", retryable: false },
    },
    {
      because: "it made an image",
      run: { status: "succeeded", status_details: { output_digest: DIGEST, git_commit_sha: "c0ffee" } },
      state: { kind: "built", image: { pinned: `registry.test/a/files@${DIGEST}` }, commit: "c0ffee" },
    },
    {
      because: "it does not tell the commit",
      run: { status: "succeeded", status_details: { output_digest: DIGEST, git_commit_sha: "" } },
      state: { kind: "built", commit: undefined },
    },
    {
      because: "it does not tell what it made",
      run: { status: "succeeded", status_details: {} },
      state: { kind: "failed", retryable: true },
    },
    {
      because: "what it tells is no digest",
      run: { status: "succeeded", status_details: { output_digest: "latest" } },
      state: { kind: "failed", retryable: true },
    },
    {
      because: "it failed for a reason that IBM has added since",
      run: { status: "failed", status_details: { reason: "out_of_coffee" } },
      state: { kind: "failed", reason: "BuildFailed", message: "Code Engine says: out of coffee", retryable: false },
    },
    {
      because: "it failed without a reason",
      run: { status: "failed" },
      state: { kind: "failed", message: "Code Engine says: nothing" },
    },
  ])("where $because", ({ run, seconds, state }) => {
    expect(view(run, seconds)).toMatchObject({ id: "run", ...state });
  });
});
