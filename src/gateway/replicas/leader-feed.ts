import type { Logger } from "../../machinery/logger.ts";
import { type Leader, parseGatewayAddress, type Replicas } from "./leader.ts";

/** How old what the data path knows of the leader may be, beside how old the Lease is that was read. */
const LOOK_MS = 100;

export interface LeaderFeedOptions {
  readonly tell: (leader: Leader) => void;
  readonly logger: Logger;
}

/** Tells who leads, and then each change. The function ends that. */
export function feedLeader(replicas: Replicas, { tell, logger }: LeaderFeedOptions): () => void {
  let told: Leader | undefined;
  const look = () => {
    const { isSelf, gatewayAddress } = replicas.leader();
    if (told?.isSelf === isSelf && told.gatewayAddress === gatewayAddress) return;
    told = { isSelf, gatewayAddress };
    if (!isSelf && gatewayAddress !== undefined && parseGatewayAddress(gatewayAddress) === undefined) {
      const remedy = "what only the leader can serve is refused here until its Lease says HOST:PORT";
      logger.warn(`the leader's address is none; ${remedy}`, { address: gatewayAddress.slice(0, 256) });
    }
    tell(told);
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  look();
  return () => clearInterval(timer);
}
