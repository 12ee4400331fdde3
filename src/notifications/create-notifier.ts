import type { NotifierFactory } from "../controllers/approval/notifier.ts";
import { EmailSender } from "./email-sender.ts";
import { Notifier, type NotifierOptions } from "./notifier.ts";
import { WebhookSender } from "./webhook-sender.ts";

/** Notices by webhook and e-mail. */
export function createNotifier(options: Omit<NotifierOptions, "senders">): NotifierFactory {
  return (secrets) =>
    new Notifier({
      ...options,
      senders: { webhook: new WebhookSender({ secrets, clock: options.clock }), email: new EmailSender({ secrets }) },
    });
}
