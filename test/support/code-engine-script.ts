import {
  CodeEngineClient,
  type CodeEngineClientOptions,
} from "../../src/backends/code-engine/client/code-engine-client.ts";
import { ScriptedHttp, type Step } from "./scripted-http.ts";

export const API_KEY = "k3y-That-Nobody-May-See_0123456789";

let issued = 0;

/** A token as IAM's: decodable, never the same twice, and signed by nobody. */
export function token({ lifeSeconds = 3600, now = Date.now() / 1000 } = {}): string {
  issued += 1;
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const iat = Math.floor(now);
  return `${part({ alg: "RS256" })}.${part({ iat, exp: iat + lifeSeconds, jti: `t${issued}` })}.c2lnbmF0dXJl${issued}`;
}

/** What IAM answers; with another token each time. */
export const issue: Step = (_request, response) => {
  const body = { access_token: token(), refresh_token: "not_supported", token_type: "Bearer", expires_in: 3600 };
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
};

export const refuseKey: Step = {
  status: 400,
  body: {
    errorCode: "BXNIM0415E",
    errorMessage: "Provided API key could not be found.",
    context: { requestId: "iam-request-1", url: "https://iam.cloud.ibm.com" },
  },
};

/** An error as Code Engine sends it. */
export function refusal(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Step {
  const errors = [{ code: "some_code", message, target: { type: "field", name: "name" } }];
  return {
    status,
    headers,
    body: { errors, trace: "codeengine-api-0123456789abcdef0123456789abcdef", status_code: status },
  };
}

export const PROJECT_ID = "15314cc3-85b4-4338-903f-c28cdee6d005";

/** A client between two scripted servers. */
export interface ScriptedCodeEngine extends AsyncDisposable {
  readonly client: CodeEngineClient;
  readonly project: ReturnType<CodeEngineClient["project"]>;
  readonly iam: ScriptedHttp;
  readonly api: ScriptedHttp;
}

export async function scriptedCodeEngine(
  steps: readonly Step[],
  options: Partial<CodeEngineClientOptions> = {},
): Promise<ScriptedCodeEngine> {
  const iam = await ScriptedHttp.start(issue);
  const api = await ScriptedHttp.start(...steps);
  const client = new CodeEngineClient({
    apiKey: API_KEY,
    region: "us-south",
    overrides: { api: `${api.origin}/v2`, iam: iam.origin, proxy: api.origin },
    retry: { attempts: 4, baseMs: 1, capMs: 50 },
    ...options,
  });
  return {
    client,
    project: client.project(PROJECT_ID),
    iam,
    api,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await api[Symbol.asyncDispose]();
      await iam[Symbol.asyncDispose]();
    },
  };
}

/** An application with nothing that a test does not look at. */
export function appBody(fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    name: "files",
    image_reference: "icr.io/codeengine/helloworld",
    entity_tag: "1-a",
    status: "ready",
    ...fields,
  };
}

/** What `work` throws. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    (value) => {
      throw new Error(`it answered ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
