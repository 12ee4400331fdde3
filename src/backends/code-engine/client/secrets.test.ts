import { execFile } from "node:child_process";
import { inspect, promisify } from "node:util";
import { describe, expect, it } from "@jest/globals";
import {
  API_KEY,
  appBody,
  failureOf,
  issue,
  refusal,
  refuseKey,
  scriptedCodeEngine,
} from "../../../../test/support/code-engine-script.ts";
import type { Step } from "../../../../test/support/scripted-http.ts";

const options = { signal: new AbortController().signal };
const PASSWORD = "pass word/+ü-0123";
const OPAQUE = "opaque-token-that-is-no-jwt-0123456789";

/** Everything that somebody may print of a thrown value, causes and stacks included. */
function everythingIn(value: unknown): string {
  const shown = inspect(value, { depth: 20, showHidden: true, getters: true, maxStringLength: null });
  const { message, stack, cause } = value instanceof Error ? value : { message: "", stack: "", cause: undefined };
  return [shown, String(value), JSON.stringify(value), message, stack, inspect(cause)].join("\n");
}

function expectNoSecret(text: string): void {
  for (const secret of [
    API_KEY,
    PASSWORD,
    OPAQUE,
    encodeURIComponent(PASSWORD),
    Buffer.from(PASSWORD).toString("base64"),
  ])
    expect(text).not.toContain(secret);
  expect(text).not.toMatch(/eyJ[\w-]{5,}/);
  expect(text).not.toMatch(/Bearer (?!\[redacted\])/);
}

/** A service so careless that it repeats what it was sent. */
const quoting =
  (status: number): Step =>
  ({ headers, body }, response) => {
    const message = `you sent ${headers.authorization} and ${body} from key ${API_KEY}`;
    const errors = [{ code: String(headers.authorization), message, target: { type: "field", name: body } }];
    response.writeHead(status, { "Content-Type": "application/json", "X-Echo": String(headers.authorization) });
    response.end(JSON.stringify({ errors, trace: API_KEY, status_code: status }));
  };

const quotingIam: Step = ({ body }, response) => {
  response.writeHead(400, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ errorCode: body, errorMessage: `wrong: ${body}`, errorDetails: body }));
};

const secret = {
  format: "registry",
  name: "r",
  data: { server: "icr.io", username: "iamapikey", password: PASSWORD },
} as const;

describe("no error holds a secret", () => {
  it.each<{ because: string; steps: readonly Step[]; iam?: readonly Step[] }>([
    ...[400, 401, 403, 404, 409, 429, 500].map((status) => ({
      because: `the service repeats it with a ${status}`,
      steps: [quoting(status)],
    })),
    { because: "the answer is no JSON", steps: [{ body: `you sent ${PASSWORD} with ${API_KEY}` }] },
    { because: "the answer is of another shape", steps: [{ body: { name: 7, data: { password: PASSWORD } } }] },
    { because: "the connection breaks", steps: ["reset"] },
    { because: "there is no answer", steps: ["hang"] },
    { because: "the answer is too large", steps: [{ body: PASSWORD.repeat(2_000_000) }] },
    { because: "IAM repeats it", steps: [refusal(500, "no")], iam: [quotingIam] },
    { because: "IAM refuses it", steps: [refusal(500, "no")], iam: [refuseKey] },
    { because: "IAM's token is none", steps: [refusal(500, "no")], iam: [{ body: { access_token: OPAQUE } }] },
    {
      because: "IAM's answer is cut",
      steps: [refusal(500, "no")],
      iam: [{ headers: { "Content-Type": "application/json" }, body: `{"access_token":"${OPAQUE}` }],
    },
    { because: "IAM is silent", steps: [refusal(500, "no")], iam: ["hang"] },
  ])("when $because", async ({ steps, iam = [issue] }) => {
    await using world = await scriptedCodeEngine(steps);
    world.iam.play(...iam);
    const timely = { ...options, timeoutMs: 500 };
    const { secrets } = world.project;
    const errors = [
      await failureOf(secrets.create(secret, timely)),
      await failureOf(secrets.replace("r", { format: "registry", data: secret.data }, { ...timely, entityTag: "1-a" })),
    ];
    for (const error of errors) {
      expect(error).toMatchObject({ name: "CodeEngineError" });
      expectNoSecret(everythingIn(error));
    }
  });

  it("and no client shows one to who prints it", async () => {
    await using world = await scriptedCodeEngine([{ body: appBody() }]);
    await world.project.apps.get("files", options);
    const instanceId = "1c1c1c1c-2222-3333-4444-555555555555";
    const beside = [world.client.cloudLogs({ instanceId }), world.client.monitoring({ instanceId })];
    for (const value of [world.client, world.project, world.project.proxy("s"), ...beside])
      expectNoSecret(everythingIn(value));
  });

  it("and what a secret holds is shown only on demand", async () => {
    const body = { name: "r", entity_tag: "1-a", format: "registry", data: { password: PASSWORD } };
    await using world = await scriptedCodeEngine([{ body }]);
    const found = await world.project.secrets.get("r", options);
    expectNoSecret(everythingIn(found));
    expect(`${found.data}`).toBe("[redacted]");
    expect(JSON.stringify(found)).toContain('"data":"[redacted]"');
    expect(found.data?.reveal()).toEqual({ password: PASSWORD });
  });
});

describe("no log holds a secret", () => {
  it("even when somebody asks the libraries to tell all", async () => {
    await using world = await scriptedCodeEngine([
      refusal(401, "expired"),
      { body: { name: "r", entity_tag: "1-a", data: { password: PASSWORD } } },
      quoting(400),
    ]);
    const script = `
      import { CodeEngineClient } from "./src/backends/code-engine/client/code-engine-client.ts";
      const { origins, apiKey, secret } = JSON.parse(process.env.SETTINGS);
      const client = new CodeEngineClient({ apiKey, region: "us-south", overrides: origins });
      const { secrets } = client.project("p");
      const signal = new AbortController().signal;
      console.log(await secrets.create(secret, { signal }));
      await secrets.create(secret, { signal }).catch((error) => console.log(error, client));
      client[Symbol.dispose]();
    `;
    const origins = { api: world.api.origin, iam: world.iam.origin, proxy: world.api.origin };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
      env: {
        PATH: process.env.PATH,
        DEBUG: "*",
        NODE_DEBUG: "axios",
        SETTINGS: JSON.stringify({ origins, apiKey: API_KEY, secret }),
      },
    });
    expect(stdout).toContain("Code Engine could not create the secret r");
    expect(stderr).toContain("ibm-cloud-sdk-core");
    expectNoSecret(stdout);
    expectNoSecret(stderr);
  });
});
