import { describe, expect, it } from "@jest/globals";
import { recordingLogger } from "../recording-logger.ts";
import { SecretWatch } from "./secret-watch.ts";
import { everythingIn, witnessed } from "./witnessed.ts";

const PASSWORD = 'pass word/+ü"0123';
const TOKEN = [{ alg: "none" }, { jti: "one of a kind" }].map((part) => base64url(JSON.stringify(part))).join(".");
const SIGNED = `${TOKEN}.c2lnbmF0dXJl`;
const KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END KEY-----\n";

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}

function watching(...values: string[]): SecretWatch {
  const watch = new SecretWatch();
  for (const value of values) watch.learn("the secret", value);
  return watch;
}

describe("a secret is found", () => {
  it.each([
    { because: "it is plain", secret: PASSWORD, text: `login ${PASSWORD} failed` },
    { because: "it is in JSON", secret: PASSWORD, text: JSON.stringify({ password: PASSWORD }) },
    { because: "JSON is in JSON", secret: PASSWORD, text: JSON.stringify({ body: JSON.stringify([PASSWORD]) }) },
    { because: "it is in a URL", secret: PASSWORD, text: `https://x/?p=${encodeURIComponent(PASSWORD)}` },
    { because: "it is in a form", secret: PASSWORD, text: new URLSearchParams({ apikey: PASSWORD }).toString() },
    ...["", "a", "ab", "user:"].map((before) => ({
      because: `base64 has it after ${before.length} bytes`,
      secret: PASSWORD,
      text: Buffer.from(`${before}${PASSWORD}more`).toString("base64"),
    })),
    { because: "it is in base64url", secret: PASSWORD, text: base64url(PASSWORD) },
    { because: "a token lost its signature", secret: SIGNED, text: `Bearer ${TOKEN}` },
    { because: "one line of a key is there", secret: KEY, text: "read MIIEvQIBADANBgkqhkiG9w0BAQ" },
  ])("where $because", ({ secret, text }) => {
    const watch = watching(secret);
    const [leak] = watch.leaksIn([{ where: "a log", text }]);
    expect(leak).toMatchObject({ where: "a log", what: expect.stringMatching(/^the secret, as /) });
    expect(() => watch.inspect([{ where: "a log", text }])).toThrow("a log shows the secret, as");
    expect(JSON.stringify(leak)).not.toContain(secret.slice(0, 12));
  });

  it.each([
    { because: "nothing is there", text: "all is well" },
    { because: "only the head of a token is there", text: SIGNED.split(".")[0] ?? "" },
    { because: "only the frame of a key is there", text: "-----BEGIN KEY-----" },
    { because: "it is too short to be one", text: "a short word" },
  ])("and not where $because", ({ text }) => {
    expect(watching(PASSWORD, SIGNED, KEY, "short").leaksIn([{ where: "a log", text }])).toEqual([]);
  });
});

describe("what is witnessed", () => {
  class Failing extends Error {
    readonly answer: unknown;
    constructor(message: string, answer: unknown) {
      super(message);
      this.answer = answer;
    }
  }
  class Client {
    readonly #secret = PASSWORD;
    readonly apps = new Apps();
    async fails(): Promise<never> {
      throw new Error("harmless", { cause: new Failing("hidden", { body: this.#secret }) });
    }
    throws(): never {
      throw new Error(`no ${this.#secret}`);
    }
    async *streams(): AsyncGenerator<string> {
      yield "one";
      throw new Error(this.#secret);
    }
    async health(): Promise<object> {
      return { message: `key ${this.#secret}` };
    }
    async logs(): Promise<string> {
      return this.#secret;
    }
  }
  class Apps {
    async get(): Promise<never> {
      throw new Error(PASSWORD);
    }
  }
  const client = (watch: SecretWatch) => witnessed(new Client(), { name: "client", told: ["health"], watch });

  it.each<{ because: string; use: (client: Client) => unknown; where: string }>([
    { because: "a promise fails, by its cause's members", use: (c) => c.fails(), where: "an error of client.fails" },
    { because: "a call throws", use: (c) => c.throws(), where: "an error of client.throws" },
    { because: "a stream breaks", use: (c) => Array.fromAsync(c.streams()), where: "an error of client.streams" },
    { because: "a part of it fails", use: (c) => c.apps.get(), where: "an error of client.apps.get" },
  ])("tells the secret where $because", async ({ use, where }) => {
    const watch = watching(PASSWORD);
    const witness = client(watch);
    await expect((async () => await use(witness))()).rejects.toBeInstanceOf(Object);
    expect(() => watch.settle()).toThrow(`${where} shows the secret`);
  });

  it("tells it in answers that people see, and in no others", async () => {
    const watch = watching(PASSWORD);
    const witness = client(watch);
    await witness.logs();
    watch.settle();
    await witness.health();
    expect(() => watch.settle()).toThrow("an answer of client.health shows the secret");
  });

  it("is every log that a test records, on all levels", () => {
    const watch = watching(PASSWORD);
    const { logger } = recordingLogger(watch);
    logger.child({ part: "x" }).debug("fine");
    watch.settle();
    logger.child({ part: "x" }).debug("asked", { error: new Error("no", { cause: { header: `Basic ${PASSWORD}` } }) });
    expect(() => watch.settle()).toThrow("a debug line of a log shows the secret");
  });

  it("is an error with all that is in it", () => {
    expect(everythingIn(new Failing("a", { deep: { deeper: [PASSWORD] } }))).toContain("pass word/+ü");
    expect(everythingIn(undefined)).toContain("undefined");
  });
});
