import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import { badRequest } from "../../http/status-error.ts";
import type { WebhookCallOutcome } from "../../observe/webhook-metrics.ts";
import type { Webhook } from "./configuration.ts";
import { RequestBudget } from "./request-budget.ts";
import { denied, WebhookFailure } from "./webhook-failure.ts";

const failing = { name: "a.example.com", failurePolicy: "Fail" } as Webhook;
const ignoring = { ...failing, failurePolicy: "Ignore" } as Webhook;
const leftOut = () => "left out";
const fail = () => Promise.reject(new WebhookFailure("a.example.com", "failed to call webhook: EOF", 503));

function budget() {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const observed: WebhookCallOutcome[] = [];
  const metrics = { observe: (outcome: WebhookCallOutcome) => void observed.push(outcome) };
  const own = new RequestBudget({ clock, logger, metrics, type: "validating", operation: "CREATE" });
  return { clock, lines, observed, budget: own };
}

describe("the time that webhooks of one request have", () => {
  it("is what those before have left", async () => {
    const { clock, budget: own } = budget();
    const remaining: number[] = [];
    const call = async (ms: number) => {
      remaining.push(ms);
      await clock.advance(25_000);
      return "asked";
    };
    expect(await own.ask(failing, { call, leftOut })).toBe("asked");
    expect(await own.ask(failing, { call, leftOut })).toBe("asked");
    expect(remaining).toEqual([60_000, 35_000]);
  });

  it("ends the request when it is over, although the webhook may be left out", async () => {
    const { clock, budget: own } = budget();
    const call = async () => {
      await clock.advance(60_000);
      return fail();
    };
    await expect(own.ask(ignoring, { call, leftOut })).rejects.toMatchObject({
      status: { code: 504, reason: "Timeout", message: "Timeout: request did not complete within requested timeout" },
    });
  });
});

describe("a webhook that fails", () => {
  it("fails the request", async () => {
    await expect(budget().budget.ask(failing, { call: fail, leftOut })).rejects.toMatchObject({
      status: {
        ...{ code: 500, reason: "InternalError" },
        message: 'Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: EOF',
      },
    });
  });

  it("is left out under Ignore, and told to the operator", async () => {
    const { budget: own, lines } = budget();
    expect(await own.ask(ignoring, { call: fail, leftOut })).toBe("left out");
    expect(lines).toMatchObject([{ level: "warn", fields: { webhook: "a.example.com" } }]);
  });

  it("is not one that refuses", async () => {
    const refusal = badRequest("no");
    await expect(budget().budget.ask(ignoring, { call: () => Promise.reject(refusal), leftOut })).rejects.toBe(refusal);
  });
});

describe("what is counted of a call", () => {
  const call = { webhook: "a.example.com", type: "validating", operation: "CREATE" };

  it.each([
    { because: "it allows", ask: async () => "yes", counted: { code: 200, trouble: "none", isRejected: false } },
    {
      because: "it refuses",
      ask: () => Promise.reject(denied("a.example.com", { code: 409 })),
      counted: { code: 409, trouble: "none", isRejected: true },
    },
    { because: "it fails", ask: fail, counted: { code: 503, trouble: "calling", isRejected: true } },
    {
      because: "it is left out",
      webhook: ignoring,
      ask: fail,
      counted: { code: 503, trouble: "calling", isRejected: false },
    },
    {
      because: "its patch does not fit",
      ask: () => Promise.reject(badRequest("no")),
      counted: { code: 0, trouble: "internal", isRejected: true },
    },
  ])("where $because", async ({ webhook = failing, ask, counted }) => {
    const { clock, observed, budget: own } = budget();
    const took = async () => {
      await clock.advance(250);
      return ask();
    };
    await own.ask<string>(webhook, { call: took, leftOut }).catch(() => undefined);
    expect(observed).toEqual([{ ...call, seconds: 0.25, ...counted }]);
  });
});
