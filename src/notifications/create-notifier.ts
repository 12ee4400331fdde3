import type { NotifierFactory } from "../controllers/approval/notifier.ts";
import type { Fence } from "../machinery/fence.ts";
import { EmailSender } from "./email-sender.ts";
import { Notifier, type NotifierOptions } from "./notifier.ts";
import type { Sender } from "./sender.ts";
import { WebhookSender } from "./webhook-sender.ts";

export interface CreateNotifierOptions extends Omit<NotifierOptions, "senders"> {
  /** Asked before each attempt. One that is sent twice all the same has the ID that it had. */
  readonly fence?: Fence | undefined;
}

/** Notices by webhook and e-mail. */
export function createNotifier({ fence, ...options }: CreateNotifierOptions): NotifierFactory {
  return (secrets) =>
    new Notifier({
      ...options,
      senders: {
        webhook: fenced(new WebhookSender({ secrets, clock: options.clock }), fence),
        email: fenced(new EmailSender({ secrets }), fence),
      },
    });
}

function fenced(sender: Sender, fence: Fence | undefined): Sender {
  if (!fence) return sender;
  return {
    receiverOf: (notice) => sender.receiverOf(notice),
    async send(notice, signal) {
      fence.check();
      await sender.send(notice, AbortSignal.any([signal, fence.closed]));
    },
  };
}
