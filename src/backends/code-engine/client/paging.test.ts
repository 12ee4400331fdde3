import { describe, expect, it } from "@jest/globals";
import { appBody, failureOf, PROJECT_ID, scriptedCodeEngine } from "../../../../test/support/code-engine-script.ts";
import type { Step } from "../../../../test/support/scripted-http.ts";

const options = { signal: new AbortController().signal };

function pageOf(names: readonly string[], next?: unknown): Step {
  return { body: { apps: names.map((name) => appBody({ name })), limit: 100, first: { href: "…" }, next } };
}

async function namesOf(apps: AsyncIterable<{ readonly name: string }>): Promise<string[]> {
  return (await Array.fromAsync(apps)).map(({ name }) => name);
}

describe("a list", () => {
  it("is read to its last page, whether the next is named by a token or by a link", async () => {
    await using world = await scriptedCodeEngine([
      pageOf(["a", "b"], { start: "two", href: "https://elsewhere.example/steal?start=no" }),
      pageOf(["c"], { href: "https://elsewhere.example/steal?limit=100&start=three" }),
      pageOf(["d"]),
    ]);
    expect(await namesOf(world.project.apps.list(options))).toEqual(["a", "b", "c", "d"]);
    expect(world.api.requests.map(({ path }) => path)).toEqual(Array(3).fill(`/v2/projects/${PROJECT_ID}/apps`));
    expect(world.api.requests.map(({ query }) => query.get("start"))).toEqual([null, "two", "three"]);
    expect(world.api.requests.map(({ query }) => query.get("limit"))).toEqual(["100", "100", "100"]);
  });

  it("is not read further than it is wanted", async () => {
    await using world = await scriptedCodeEngine([pageOf(["a"], { start: "two" })]);
    for await (const app of world.project.apps.list(options)) {
      expect(app.name).toBe("a");
      break;
    }
    expect(world.api.requests).toHaveLength(1);
  });

  it.each([
    { because: "leads in a circle", token: () => "again", said: /circle/, asked: 2 },
    { because: "does not end", token: (at: number) => `${at}`, said: /more than 100 pages/, asked: 101 },
  ])("that $because is an error", async ({ token, said, asked }) => {
    let at = 0;
    const step: Step = (_request, response) => {
      at += 1;
      response.end(JSON.stringify({ apps: [], next: { start: token(at) } }));
    };
    const budget = { concurrent: 5, perSecond: 1_000, burst: 1_000, reserve: 0, queue: 10 };
    await using world = await scriptedCodeEngine([step], { budget });
    const error = await failureOf(namesOf(world.project.apps.list(options)));
    expect(error).toMatchObject({ kind: "transient", operation: "list apps", said: expect.stringMatching(said) });
    expect(world.api.requests).toHaveLength(asked);
  });

  it("without its resources is an error, and not a list of none", async () => {
    await using world = await scriptedCodeEngine([{ body: { limit: 100 } }]);
    expect(await failureOf(namesOf(world.project.apps.list(options)))).toMatchObject({
      said: expect.stringContaining("apps is no array"),
    });
  });

  it("passes a filter on, and only what is one", async () => {
    await using world = await scriptedCodeEngine([{ body: { build_runs: [] } }]);
    await namesOf(world.project.buildRuns.list({ ...options, build_name: "mine", timeoutMs: 5_000 }));
    expect(Object.fromEntries(world.api.last.query)).toEqual({
      build_name: "mine",
      limit: "100",
      version: "2026-06-15",
    });
  });
});
