import type { Clock } from "../../../../src/machinery/clock.ts";
import { newId } from "../world.ts";
import { type ApiKeyOptions, ApiKeys, type Identity } from "./api-keys.ts";
import { type TokenShape, Tokens } from "./tokens.ts";

const GRANT_TYPE = "urn:ibm:params:oauth:grant-type:apikey";
const MAX_FORM_BYTES = 64 * 1024;

/** IBM Cloud Identity and Access Management, as far as API keys go. */
export class Iam {
  readonly #keys = new ApiKeys();
  readonly #tokens: Tokens;
  /** At most one hour, as IAM's. */
  tokenTtlSeconds = 3600;
  tokenShape: TokenShape = "jwt";

  constructor(clock: Clock) {
    this.#tokens = new Tokens(clock);
  }

  createApiKey(options: ApiKeyOptions): string {
    return this.#keys.create(options);
  }

  revokeApiKey(key: string): void {
    this.#keys.revoke(key);
  }

  revokeTokens(): void {
    this.#tokens.revokeAll();
  }

  /** Who makes this call, by its bearer token. */
  caller(request: Request): Identity | undefined {
    const [, token] = /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    return token === undefined ? undefined : this.#tokens.holder(token);
  }

  readonly handle = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname !== "/identity/token") return iamError(404, "BXNIM0113E", "Not found.");
    if (request.method !== "POST") return iamError(405, "BXNIM0114E", "Method not allowed.");
    const [type] = (request.headers.get("content-type") ?? "").split(";");
    if (type !== "application/x-www-form-urlencoded") {
      return iamError(415, "BXNIM0115E", "The content type must be application/x-www-form-urlencoded.");
    }
    const body = await request.text();
    if (body.length > MAX_FORM_BYTES) return iamError(413, "BXNIM0116E", "The request is too large.");
    return this.#token(new URLSearchParams(body));
  };

  #token(form: URLSearchParams): Response {
    const key = form.get("apikey") ?? "";
    if (form.get("grant_type") !== GRANT_TYPE) {
      return iamError(400, "BXNIM0137E", "Property missing or invalid. The property name that was: grant_type.");
    }
    if (key === "") {
      return iamError(400, "BXNIM0109E", "Property missing or empty. The property name that was: apikey.");
    }
    const holder = this.#keys.holder(key);
    if (holder === undefined) return iamError(400, "BXNIM0415E", "Provided API key could not be found.");
    const ttlSeconds = this.tokenTtlSeconds;
    const { token, expires } = this.#tokens.issue(holder, { ttlSeconds, shape: this.tokenShape });
    return Response.json({
      access_token: token,
      refresh_token: "not_supported",
      token_type: "Bearer",
      expires_in: ttlSeconds,
      expiration: expires,
      scope: "ibm openid",
    });
  }
}

/** An error in IAM's own envelope. */
export function iamError(status: number, errorCode: string, errorMessage: string, headers = {}): Response {
  const context = { requestId: newId(), requestType: "incoming.Identity_Token", url: "https://iam.cloud.ibm.com" };
  return Response.json({ errorCode, errorMessage, context }, { status, headers });
}
