import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { KubeClient } from "../machinery/client.ts";
import { createKubeAccess } from "./kube-access.ts";

const signal = new AbortController().signal;
const wanted = { namespace: "team-a", name: "files", subresource: "log" } as const;

/** An API server that knows the tokens of `users` and allows what `allowed` says. */
function setUp() {
  const clock = new FakeClock();
  const asked: { path: string; body: { spec: Record<string, unknown> } }[] = [];
  const state = { users: new Map([["t1", { username: "dev", groups: ["team"], uid: "u" }]]), allowed: true };
  const request = async (_method: string, path: string, body: unknown) => {
    const review = body as { spec: Record<string, unknown> };
    asked.push({ path, body: review });
    if (path.endsWith("tokenreviews")) {
      const user = state.users.get(String(review.spec.token));
      return { status: user ? { authenticated: true, user } : { authenticated: false, error: "no" } };
    }
    return { status: { allowed: state.allowed } };
  };
  const access = createKubeAccess({ request: request as KubeClient["request"] }, clock);
  return { clock, asked, state, access };
}

describe("who it is", () => {
  it("is asked of the API server and remembered for 10 s", async () => {
    const { access, asked, clock, state } = setUp();
    expect(await access.authenticate("t1", signal)).toEqual({ username: "dev", groups: ["team"], uid: "u" });
    await clock.advance(9_999);
    await access.authenticate("t1", signal);
    expect(asked.map(({ path }) => path)).toEqual(["/apis/authentication.k8s.io/v1/tokenreviews"]);
    state.users.clear();
    await clock.advance(1);
    expect(await access.authenticate("t1", signal)).toBeUndefined();
  });

  it("is asked again each time where the answer was no", async () => {
    const { access, asked, state } = setUp();
    expect(await access.authenticate("t2", signal)).toBeUndefined();
    state.users.set("t2", { username: "new", groups: [], uid: "v" });
    expect(await access.authenticate("t2", signal)).toMatchObject({ username: "new" });
    expect(asked).toHaveLength(2);
  });

  it("is nobody where a review has no user", async () => {
    const request = async () => ({ status: { authenticated: true, user: { username: "" } } });
    const access = createKubeAccess({ request: request as KubeClient["request"] }, new FakeClock());
    expect(await access.authenticate("t1", signal)).toBeUndefined();
  });
});

describe("what they may", () => {
  it("is asked with all that the review knows of them", async () => {
    const { access, asked } = setUp();
    const user = { username: "dev", uid: "u", groups: ["team"], extra: { scopes: ["a"] } };
    expect(await access.authorize(user, wanted, signal)).toBe(true);
    expect(asked).toEqual([
      {
        path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        body: {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SubjectAccessReview",
          spec: {
            user: "dev",
            uid: "u",
            groups: ["team"],
            extra: { scopes: ["a"] },
            resourceAttributes: {
              verb: "get",
              group: "slipway.dev",
              version: "v1alpha1",
              resource: "runtimedeployments",
              subresource: "log",
              namespace: "team-a",
              name: "files",
            },
          },
        },
      },
    ]);
  });

  it("is remembered for 10 s for that user and that object alone, and only a yes", async () => {
    const { access, asked, clock, state } = setUp();
    await access.authorize({ username: "dev" }, wanted, signal);
    await access.authorize({ username: "dev" }, wanted, signal);
    expect(asked).toHaveLength(1);
    state.allowed = false;
    expect(await access.authorize({ username: "dev" }, { ...wanted, name: "other" }, signal)).toBe(false);
    expect(await access.authorize({ username: "dev", groups: ["x"] }, wanted, signal)).toBe(false);
    expect(await access.authorize({ username: "eve" }, wanted, signal)).toBe(false);
    expect(await access.authorize({ username: "dev" }, wanted, signal)).toBe(true);
    await clock.advance(10_000);
    expect(await access.authorize({ username: "dev" }, wanted, signal)).toBe(false);
  });
});

it("remembers a thousand answers, not more", async () => {
  const { access, asked } = setUp();
  await access.authorize({ username: "first" }, wanted, signal);
  for (let index = 0; index < 1_000; index += 1) await access.authorize({ username: `u${index}` }, wanted, signal);
  asked.length = 0;
  await access.authorize({ username: "u999" }, wanted, signal);
  await access.authorize({ username: "first" }, wanted, signal);
  expect(asked).toHaveLength(1);
});
