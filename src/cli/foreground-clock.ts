import { type Clock, systemClock } from "../machinery/clock.ts";

/** The system's, for a command that does nothing else while it waits: a timer alone keeps its process alive. */
export const foregroundClock: Clock = {
  ...systemClock,
  schedule(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
