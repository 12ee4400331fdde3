import { describe, expect, it } from "@jest/globals";
import { PullProgressTracker } from "./pull-progress.ts";

function progressAfter(...messages: unknown[]) {
  const tracker = new PullProgressTracker();
  for (const message of messages) tracker.take(message);
  return tracker.progress;
}

const downloading = (id: string, current: number, total?: number) => ({
  id,
  status: "Downloading",
  progressDetail: { current, total },
});

describe("PullProgressTracker", () => {
  it("adds up layers", () => {
    expect(
      progressAfter(
        { id: "1.25", status: "Pulling from library/nginx" },
        { id: "a", status: "Pulling fs layer", progressDetail: {} },
        { id: "b", status: "Pulling fs layer", progressDetail: {} },
        { id: "c", status: "Already exists", progressDetail: {} },
        downloading("a", 10, 100),
        downloading("b", 50, 50),
        { id: "b", status: "Extracting", progressDetail: { current: 1, total: 50 } },
        { id: "b", status: "Pull complete", progressDetail: {} },
        { status: "Digest: sha256:abc" },
      ),
    ).toEqual({ layersDone: 2, layersTotal: 3, bytesDone: 60, bytesTotal: 150 });
  });

  it("counts what was downloaded whole without a last message about it", () => {
    const { bytesDone } = progressAfter(downloading("a", 10, 100), {
      id: "a",
      status: "Download complete",
      progressDetail: {},
    });
    expect(bytesDone).toBe(100);
  });

  it("says what went wrong", () => {
    const tracker = new PullProgressTracker();
    expect(tracker.take(downloading("a", 1, 2))).toBeUndefined();
    expect(tracker.take({ error: "short", errorDetail: { message: "the whole story" } })).toBe("the whole story");
    expect(tracker.take({ error: "short" })).toBe("short");
  });

  it.each([
    undefined,
    null,
    "text",
    1,
    [],
    {},
    { id: 1, status: 2 },
    { id: "a", status: "Downloading", progressDetail: "x" },
  ])("survives %j", (message) => {
    expect(progressAfter(message).bytesTotal).toBe(0);
  });

  it("does not grow without end", () => {
    const messages = Array.from({ length: 5_000 }, (_, id) => ({ id: `${id}`, status: "Waiting" }));
    expect(progressAfter(...messages).layersTotal).toBe(1_000);
  });
});
