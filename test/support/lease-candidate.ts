import { LeaderElection, type LeaderElectionOptions, leaseTimes } from "../../src/machinery/leader-election.ts";
import type { FakeClock } from "./fake-clock.ts";
import type { MemoryLeases } from "./memory-leases.ts";
import { recordingLogger } from "./recording-logger.ts";

/** One that runs for a lease of 15 s, in a process of its own, with a clock of its own where given. */
export function candidate(
  leases: MemoryLeases,
  identity: string,
  clock: FakeClock,
  more: Partial<LeaderElectionOptions> = {},
) {
  const { logger, lines } = recordingLogger();
  const election = new LeaderElection({
    ...{ client: leases.client(), clock, logger, identity, times: leaseTimes(15_000), random: () => 0 },
    lease: { namespace: "slipway-system", name: "slipway-controller" },
    ...more,
  });
  const stop = new AbortController();
  let outcome: unknown = "runs";
  const ended = election.run(stop.signal).then(
    () => {
      outcome = "ended";
    },
    (error: unknown) => {
      outcome = error;
    },
  );
  return { election, lines, stop: () => stop.abort(), ended, outcome: () => outcome };
}
