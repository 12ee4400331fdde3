import { describe, expect, it } from "@jest/globals";
import { noticeOf, SecretTable } from "../../test/support/approval-notices.ts";
import { eventually } from "../../test/support/eventually.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { startWebhookReceiver } from "../../test/support/webhook-receiver.ts";
import type { ApprovalNotice, NoticeOutcome } from "../controllers/approval/notifier.ts";
import { systemClock } from "../machinery/clock.ts";
import { DeliveryFailure } from "./delivery-failure.ts";
import { Notifier } from "./notifier.ts";
import type { Sender } from "./sender.ts";
import { WebhookSender } from "./webhook-sender.ts";

/** Sends to receivers named by the policy's first address; a test says what becomes of it. */
class ScriptedSender implements Sender {
  readonly sent: string[] = [];
  answer: (notice: ApprovalNotice) => Promise<void> = async () => undefined;

  receiverOf({ policy }: ApprovalNotice): string {
    return policy.spec.notify?.email?.to[0] ?? "";
  }

  async send(notice: ApprovalNotice): Promise<void> {
    this.sent.push(notice.id);
    await this.answer(notice);
  }
}

function noticeTo(receiver: string, id: string): ApprovalNotice {
  const email = { to: [receiver], smtpSecretRef: { namespace: "ops", name: "mail" } };
  return noticeOf({ id, channel: "email", notify: { email } });
}

function started(sender: Sender, clock: FakeClock = new FakeClock()) {
  const counts: Record<string, number> = {};
  const notifier = new Notifier({
    senders: { webhook: sender, email: sender },
    clock,
    logger: recordingLogger().logger,
    metrics: {
      told(_, how) {
        counts[how] = (counts[how] ?? 0) + 1;
      },
    },
    random: () => 1,
  });
  const stop = new AbortController();
  const abort = new AbortController();
  const ended = notifier.run(stop.signal, abort.signal);
  const outcomes: Record<string, string[]> = {};
  const notify = (notice: ApprovalNotice) => {
    const states = outcomes[notice.id] ?? [];
    outcomes[notice.id] = states;
    notifier.notify(notice, ({ state }) => states.push(state));
  };
  return { notifier, notify, outcomes, counts, clock, stop, abort, ended };
}

describe("Notifier", () => {
  it("delivers once, however often it is asked meanwhile", async () => {
    const sender = new ScriptedSender();
    const { notify, outcomes, clock, counts } = started(sender);
    notify(noticeTo("a", "1"));
    notify(noticeTo("a", "1"));
    await clock.advance(0);
    expect(sender.sent).toEqual(["1"]);
    expect(outcomes).toEqual({ 1: ["Delivered"] });
    expect(counts).toEqual({ delivered: 1 });
    expect(clock.pending).toBe(0);
  });

  it("tries again with growing delays, and others meanwhile", async () => {
    const sender = new ScriptedSender();
    let isDown = true;
    sender.answer = async ({ id }) => {
      if (isDown && id !== "other") throw new DeliveryFailure("it answered 500");
    };
    const { notify, outcomes, clock } = started(sender);
    notify(noticeTo("down", "1"));
    notify(noticeTo("up", "other"));
    await clock.advance(0);
    expect(outcomes).toEqual({ 1: ["Retrying"], other: ["Delivered"] });
    const attempts = () => sender.sent.filter((id) => id === "1").length;
    const attemptsAfter: number[] = [];
    for (const seconds of [1, 2, 4, 8]) {
      await clock.advance(seconds * 1000);
      attemptsAfter.push(attempts());
    }
    expect(attemptsAfter).toEqual([2, 3, 4, 5]);
    isDown = false;
    await clock.advance(16_000);
    expect(outcomes["1"]).toEqual(["Retrying", "Retrying", "Retrying", "Retrying", "Retrying", "Delivered"]);
  });

  it("waits as long as the receiver asks", async () => {
    const sender = new ScriptedSender();
    sender.answer = async () => {
      throw new DeliveryFailure("it answered 429", { retryAfterMs: 60_000 });
    };
    const { notify, clock } = started(sender);
    notify(noticeTo("a", "1"));
    await clock.advance(59_000);
    expect(sender.sent).toHaveLength(1);
    await clock.advance(1_000);
    expect(sender.sent).toHaveLength(2);
  });

  it("puts what a receiver cannot take behind the others", async () => {
    const sender = new ScriptedSender();
    sender.answer = async ({ id }) => {
      if (id === "poison") throw new DeliveryFailure("it answered 500");
    };
    const { notify, outcomes, clock } = started(sender);
    for (const id of ["poison", "2", "3"]) notify(noticeTo("a", id));
    await clock.advance(1_000);
    expect(outcomes).toMatchObject({ poison: ["Retrying", "Retrying"], 2: ["Delivered"], 3: ["Delivered"] });
  });

  it("gives up at once what cannot be taken, and in the end what is never taken", async () => {
    const sender = new ScriptedSender();
    sender.answer = async ({ id }) => {
      throw new DeliveryFailure("no", { isFinal: id === "final" });
    };
    const { notify, outcomes, counts, clock } = started(sender);
    notify(noticeTo("a", "final"));
    notify(noticeTo("b", "never"));
    await clock.advance(0);
    expect(outcomes.final).toEqual(["Failed"]);
    await clock.advance(25 * 60 * 60_000);
    expect(outcomes.never?.at(-1)).toBe("Failed");
    // Ten in the first quarter of an hour, four in each further hour.
    expect(sender.sent.length).toBeLessThan(110);
    expect(counts).toMatchObject({ failed: 2 });
    expect(clock.pending).toBe(0);
    // Asked anew, it begins anew.
    notify(noticeTo("b", "never"));
    await clock.advance(0);
    expect(outcomes.never?.at(-1)).toBe("Retrying");
  });

  it("keeps no more than there is room for, and says so", async () => {
    const sender = new ScriptedSender();
    sender.answer = () => new Promise(() => undefined);
    const { notify, outcomes, counts } = started(sender);
    for (let index = 0; index < 1_002; index++) notify(noticeTo("a", `${index}`));
    expect(outcomes["1001"]).toEqual(["Retrying"]);
    expect(counts).toEqual({ dropped: 1 });
    for (let index = 0; index < 256; index++) notify(noticeTo(`receiver ${index}`, `to ${index}`));
    expect(outcomes["to 255"]).toEqual(["Retrying"]);
  });

  it("finishes what is under way when it stops, begins nothing more, and breaks off when told", async () => {
    const sender = new ScriptedSender();
    const delivery = Promise.withResolvers<void>();
    sender.answer = () => delivery.promise;
    const { notify, outcomes, stop, ended, clock } = started(sender);
    notify(noticeTo("a", "1"));
    notify(noticeTo("a", "2"));
    await clock.advance(0);
    stop.abort();
    delivery.resolve();
    await ended;
    expect(outcomes).toEqual({ 1: ["Delivered"], 2: [] });
  });

  it("delivers to a receiver that was down at the request", async () => {
    const gone = await startWebhookReceiver();
    const { port } = gone;
    await gone[Symbol.asyncDispose]();
    const secrets = new SecretTable()
      .set("chat", { url: `http://127.0.0.1:${port}/hidden-path-of-hook` }, ["url"])
      .set("chat-signing", { key: "another signing key" }, ["key"]);
    const sender = new WebhookSender({ secrets, clock: systemClock });
    const { logger } = recordingLogger();
    const notifier = new Notifier({ senders: { webhook: sender, email: sender }, clock: systemClock, logger });
    const stop = new AbortController();
    const ended = notifier.run(stop.signal, new AbortController().signal);
    const outcomes: NoticeOutcome[] = [];
    notifier.notify(noticeOf(), (outcome) => outcomes.push(outcome));
    await eventually("a failed attempt", () => outcomes.length > 0);
    await using receiver = await startWebhookReceiver({ port });
    await eventually("the delivery", () => outcomes.at(-1)?.state === "Delivered");
    expect(receiver.received).toHaveLength(1);
    expect(outcomes[0]).toMatchObject({ state: "Retrying", message: "it refused the connection" });
    stop.abort();
    await ended;
  });
});
