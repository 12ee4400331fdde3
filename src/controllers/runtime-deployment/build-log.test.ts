import { describe, expect, it } from "@jest/globals";
import type { BuildRequest } from "../../backends/build.ts";
import { lastLines } from "./build-log.ts";

const owner = { uid: "u", namespace: "n", name: "d" };
const auth = Buffer.from("me:hunter2").toString("base64");
const request = (patch: Partial<BuildRequest["source"]> = {}, dockerConfig?: string): BuildRequest => ({
  key: "k",
  source: { url: "", revision: undefined, contextDir: "", dockerfile: "", credentials: undefined, ...patch },
  buildArgs: {},
  push: { repository: "r", dockerConfig },
  timeoutSeconds: 1,
});

function printing(...lines: string[]) {
  return {
    async *buildLogs() {
      yield* lines;
    },
  };
}

const read = (lines: string[], made = request(), tail = 3, signal = new AbortController().signal) =>
  lastLines(printing(...lines), { owner, request: made, tail }, signal);

describe("the last lines of a build", () => {
  it("are no more than asked for, even of a place that sends more", async () => {
    expect(await read(["1", "2", "3", "4"])).toEqual(["2", "3", "4"]);
  });

  it.each<{ because: string; line: string; want: string[] }>([
    { because: "a terminal is not moved", line: "\u001b[2J\u001b[31mred\u001b[0m", want: ["red"] },
    { because: "a line stays one", line: "a\rb\u202ec", want: ["a b c"] },
    { because: "they are short", line: "x".repeat(10_000), want: ["x".repeat(256)] },
    { because: "nothing is no line", line: " \u001b[0m", want: [] },
  ])("can be shown: $because", async ({ line, want }) => {
    expect(await read([line])).toEqual(want);
  });

  it.each<{ because: string; made: BuildRequest; line: string; want: string }>([
    {
      because: "the password to clone with",
      made: request({ credentials: { kind: "basic", username: "me", password: "hunter2" } }),
      line: "https://me:hunter2@git.test",
      want: "https://me:***@git.test",
    },
    {
      because: "a line of the key",
      made: request({ credentials: { kind: "ssh", privateKey: "BEGIN\nb3BlbnNzaA\n", knownHosts: undefined } }),
      line: "key b3BlbnNzaA",
      want: "key ***",
    },
    {
      because: "the password of the registry, in every form",
      made: request({}, JSON.stringify({ auths: { r: { auth, password: "hunter2" } } })),
      line: `Basic ${auth} hunter2`,
      want: "Basic *** ***",
    },
    {
      because: "the password that only stands in what a registry is sent",
      made: request({}, JSON.stringify({ auths: { r: { auth } } })),
      line: "docker login -u me -p hunter2",
      want: "docker login -u me -p ***",
    },
    {
      because: "one that begins with another",
      made: request({}, JSON.stringify({ auths: { a: { password: "hunter" }, b: { password: "hunter2-and-more" } } })),
      line: "hunter2-and-more and hunter",
      want: "*** and ***",
    },
    { because: "what is no JSON hides nothing", made: request({}, "hunter2"), line: "it goes on", want: "it goes on" },
  ])("hold no secret that the build was given: $because", async ({ made, line, want }) => {
    expect(await read([line], made)).toEqual([want]);
  });

  it("are none where the log fails, and those before where it breaks off", async () => {
    const broken = {
      async *buildLogs() {
        yield "first";
        throw new Error("cut short");
      },
    };
    const signal = new AbortController().signal;
    expect(await lastLines(broken, { owner, request: request(), tail: 2 }, signal)).toEqual(["first"]);
  });

  it("are not waited for when the controller ends", async () => {
    const stop = AbortSignal.abort(new Error("killed"));
    await expect(read(["1"], request(), 3, stop)).rejects.toThrow("killed");
  });
});
