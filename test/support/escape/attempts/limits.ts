import type { Profile } from "../profiles.ts";
import type { Attempt } from "./attempt.ts";

/** More than any profile or the backend's default gives, and less than the deployment without limits asks for. */
const PROCESSES = "400";
const MEBIBYTES = "600";
/** Of a processor: the quota counts in tenths of a second. */
const BUSY_MS = "2000";
const ROOMY: readonly Profile[] = ["unrestricted"];

/** More of the machine than was given. */
export const LIMITS: readonly Attempt[] = [
  {
    name: "a fork bomb",
    proves: ["resources.maxPids"],
    succeedsIn: ROOMY,
    run: ({ inside }) => inside.attempt(["forks", PROCESSES]),
    control: "maxPids",
    disturbs: true,
  },
  {
    name: "a memory bomb",
    proves: ["resources.maxMemory"],
    succeedsIn: ROOMY,
    run: ({ inside }) => inside.attempt(["memory", MEBIBYTES]),
    control: "maxMemory",
    disturbs: true,
  },
  {
    name: "a whole processor",
    proves: ["resources.maxCpu"],
    succeedsIn: ROOMY,
    run: ({ inside }) => inside.attempt(["cpu", BUSY_MS]),
    control: "maxCpu",
    disturbs: true,
  },
];
