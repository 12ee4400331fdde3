import type { ApprovalNotice } from "../controllers/approval/notifier.ts";

/** Brings notices to the receivers of one channel. */
export interface Sender {
  /** Names where a notice goes. Notices of one receiver wait for each other and for no other's. */
  receiverOf(notice: ApprovalNotice): string;
  /**
   * Resolves when the receiver has taken it. Ends in bounded time. @throws {DeliveryFailure} and nothing else, but for the
   * reason of `signal`.
   */
  send(notice: ApprovalNotice, signal: AbortSignal): Promise<void>;
}
