import { describe, expect, it } from "@jest/globals";
import {
  API_KEY,
  appBody,
  failureOf,
  issue,
  refusal,
  refuseKey,
  scriptedCodeEngine,
  token,
} from "../../../../test/support/code-engine-script.ts";
import { eventually } from "../../../../test/support/eventually.ts";
import type { RecordedRequest, Step } from "../../../../test/support/scripted-http.ts";
import { CodeEngineClient } from "./code-engine-client.ts";

const options = { signal: new AbortController().signal };

function tokensOf(requests: readonly RecordedRequest[]): (string | undefined)[] {
  return requests.map(({ headers }) => headers.authorization);
}

function issued(access_token: string): Step {
  return { body: { access_token, refresh_token: "r", token_type: "Bearer", expires_in: 3600 } };
}

/** Serves an application to who brings another token than the first one seen. */
function acceptsAllBut(refused: () => string | undefined): Step {
  return (request, response) => {
    const fine = request.headers.authorization !== refused();
    const body = fine ? appBody() : { errors: [{ code: "unauthorized", message: "expired" }], trace: "t" };
    response.writeHead(fine ? 200 : 401, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  };
}

describe("a token", () => {
  it("is asked for as IAM wants it, once for all", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    await Promise.all(Array.from({ length: 5 }, () => world.project.apps.get("files", options)));
    await world.project.apps.get("files", options);
    expect(world.iam.requests).toHaveLength(1);
    expect(world.iam.last).toMatchObject({ method: "POST", path: "/identity/token" });
    expect(world.iam.last.headers["content-type"]).toMatch("application/x-www-form-urlencoded");
    expect(Object.fromEntries(new URLSearchParams(world.iam.last.body))).toEqual({
      grant_type: "urn:ibm:params:oauth:grant-type:apikey",
      apikey: API_KEY,
      response_type: "cloud_iam",
    });
  });

  it("is replaced before it ends", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    world.iam.play(issued(token({ lifeSeconds: 9 })), issue);
    await world.project.apps.get("files", options);
    await world.project.apps.get("files", options);
    expect(new Set(tokensOf(world.api.requests)).size).toBe(2);
  });

  it("is renewed in the background, and what comes of that harms nobody", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    const ageing = token({ now: Date.now() / 1000 - 3_000 });
    world.iam.play(issued(ageing), issued("opaque-token-0123456789"));
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    try {
      await world.project.apps.get("files", options);
      await world.project.apps.get("files", options);
      await eventually("the renewal", () => world.iam.requests.length === 2, { everyMs: 5 });
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      process.off("unhandledRejection", listener);
    }
    expect(unhandled).toEqual([]);
    expect(tokensOf(world.api.requests)).toEqual([`Bearer ${ageing}`, `Bearer ${ageing}`]);
  });

  it("that the service refuses is replaced once, by one request, for all who hold it", async () => {
    await using world = await scriptedCodeEngine([]);
    const first = (): string | undefined => tokensOf(world.api.requests)[0];
    world.api.play(acceptsAllBut(first));
    await Promise.all(Array.from({ length: 5 }, () => world.project.apps.get("files", options)));
    expect(world.iam.requests).toHaveLength(2);
    expect(new Set(tokensOf(world.api.requests)).size).toBe(2);
  });

  it("that ends in mid-flight is replaced for a write, too", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    await world.project.apps.get("files", options);
    world.api.play(refusal(401, "expired"), { body: appBody() });
    await world.project.apps.patch("files", { image_port: 1 }, { ...options, entityTag: "1-a" });
    expect(world.api.requests.map(({ method }) => method)).toEqual(["GET", "PATCH", "PATCH"]);
  });

  it("that is refused again is an error", async () => {
    await using world = await scriptedCodeEngine([refusal(401, "no")]);
    const error = await failureOf(world.project.apps.get("files", options));
    expect(error).toMatchObject({
      kind: "unauthorized",
      status: 401,
      service: "Code Engine",
      said: "no",
      uncertain: false,
    });
    expect(world.api.requests).toHaveLength(2);
  });

  it.each([
    { because: "it is no JWT", step: issued("opaque-token-0123456789"), said: /not a valid JWT/ },
    { because: "there is none", step: { body: {} }, said: /not present/ },
    {
      because: "the answer is cut",
      step: { headers: { "Content-Type": "application/json" }, body: '{"access_token":"eyJhbGci' },
      said: /no JSON/,
    },
  ])("that cannot be used is no reason to think ill of the key: $because", async ({ step, said }) => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    world.iam.play(step);
    const error = await failureOf(world.project.apps.get("files", options));
    expect(error).toMatchObject({ kind: "transient", service: "IBM Cloud IAM", said: expect.stringMatching(said) });
    expect(world.api.requests).toHaveLength(0);
  });
});

describe("a key", () => {
  it("that IAM refuses is told as such, and not sent again by everybody", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    world.iam.play(refuseKey);
    const call = (): Promise<unknown> => failureOf(world.project.apps.get("files", options));
    const errors = await Promise.all([call(), call()]);
    errors.push(await call());
    for (const error of errors)
      expect(error).toMatchObject({
        ...{ kind: "unauthorized", service: "IBM Cloud IAM", status: 400, code: "BXNIM0415E", trace: "iam-request-1" },
        said: "Provided API key could not be found; provide an API key that exists and is not locked",
      });
    expect(world.iam.requests).toHaveLength(1);
    expect(world.api.requests).toHaveLength(0);
  });

  it.each([
    { because: "the outage is short", steps: [{ status: 503 }, { status: 500 }, issue] },
    { because: "the connection broke", steps: ["reset", issue] as Step[] },
    { because: "IAM has too much to do", steps: [{ status: 429 }, issue] },
  ])("is sent again when $because", async ({ steps }) => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    world.iam.play(...steps);
    await world.project.apps.get("files", options);
    expect(world.iam.requests).toHaveLength(steps.length);
  });

  it("is not blamed for an outage", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    world.iam.play({ status: 503 });
    const error = await failureOf(world.project.apps.get("files", options));
    expect(error).toMatchObject({ kind: "transient", service: "IBM Cloud IAM", status: 503 });
  });

  it("is not blamed for a proxy that lets nobody through", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    world.iam.play({ status: 403, body: "<html>blocked</html>" });
    const error = await failureOf(world.project.apps.get("files", options));
    expect(error).toMatchObject({ kind: "transient", status: 403, said: expect.stringContaining("not IAM") });
  });

  it.each([
    { because: "it is empty", apiKey: "" },
    { because: "it was read with its line break", apiKey: "secret-key\n" },
    { because: "it is still in quotes", apiKey: '"secret-key"' },
    { because: "it is the file that it came in", apiKey: '{"apikey":"secret-key"}' },
  ])("is refused here, and not quoted, when $because", ({ apiKey }) => {
    const make = (): CodeEngineClient => new CodeEngineClient({ apiKey, region: "us-south" });
    expect(make).toThrow(expect.objectContaining({ kind: "unauthorized", service: "The client" }));
    expect(make).not.toThrow(/secret-key/);
  });
});
