import { forbidden } from "../addresses.ts";
import { ESCAPE, NOBODY, SETUID_ESCAPE } from "../image.ts";
import { ECHO } from "../stage.ts";
import type { Attempt } from "./attempt.ts";

/** A user of the container other than root and the image's. */
const SOMEBODY = "12345";

/** What the kernel gives to those who may, and to root of a container only as far as it has kept capabilities. */
export const PRIVILEGES: readonly Attempt[] = [
  {
    name: "a raw socket",
    proves: ["capabilities.dropAll"],
    succeedsIn: ["unrestricted"],
    run: ({ inside }) => inside.attempt(["raw"]),
    control: "NET_RAW",
  },
  {
    name: "a raw Ethernet frame to an address outside",
    proves: ["capabilities.dropAll", "network.egressAllowed", "network.allowedHosts"],
    succeedsIn: ["unrestricted"],
    run: ({ inside, number }, stage) => inside.attempt(["frame", stage.bridgeMac, forbidden(number).v4, ECHO]),
    // It passes by all rules of the sandbox that it is in: the capability alone is what prevents that.
    control: "NET_RAW",
  },
  {
    name: "a packet filter of its own",
    proves: ["capabilities.dropAll", "network.egressAllowed", "network.allowedHosts"],
    succeedsIn: [],
    run: ({ inside }) => inside.attempt(["filter"]),
    // In the sandbox itself: who may make a table there may remove one.
    control: "NET_ADMIN",
  },
  {
    name: "mount",
    proves: ["capabilities.dropAll"],
    succeedsIn: [],
    run: ({ inside }) => inside.attempt(["mount"]),
    control: "SYS_ADMIN",
  },
  {
    name: "a network namespace of its own",
    proves: ["capabilities.dropAll"],
    succeedsIn: [],
    run: ({ inside }) => inside.attempt(["unshare", "net"]),
    control: "SYS_ADMIN",
  },
  {
    name: "ptrace of another user's process",
    proves: ["capabilities.dropAll"],
    succeedsIn: [],
    run: async ({ inside }) => {
      await inside.start([ESCAPE, "listen", "0"], SOMEBODY);
      return await inside.attempt(["ptrace", SOMEBODY]);
    },
    control: "SYS_PTRACE",
  },
  {
    name: "another user's identity",
    proves: ["capabilities.dropAll"],
    succeedsIn: ["unrestricted"],
    run: ({ inside }) => inside.attempt(["setuid", SOMEBODY]),
    control: "SETUID",
  },
  {
    name: "a file given to another user",
    proves: ["capabilities.dropAll", "capabilities.add"],
    succeedsIn: ["unrestricted", "capable"],
    run: ({ inside }) => inside.attempt(["chown", "/dev/shm/given"]),
    control: "CHOWN",
  },
  {
    name: "a setuid binary",
    proves: ["runAsNonRoot"],
    succeedsIn: [],
    run: ({ inside }) => inside.attempt(["suid"], { program: [SETUID_ESCAPE], user: NOBODY }),
    control: "noNewPrivileges",
  },
  {
    name: "a user namespace of its own",
    proves: ["seccomp"],
    // The filter of `capable` refuses one call alone.
    succeedsIn: ["unrestricted", "capable"],
    run: ({ inside }) => inside.attempt(["unshare", "user"]),
    control: "seccomp",
  },
  {
    name: "a call that the Engine's filter refuses",
    proves: ["seccomp"],
    succeedsIn: ["unrestricted", "capable"],
    run: ({ inside }) => inside.attempt(["keyctl"]),
    control: "seccomp",
  },
  {
    name: "a call that only a filter of one's own refuses",
    proves: ["seccomp"],
    succeedsIn: ["unrestricted", "standard", "restricted", "airgapped", "listed", "open"],
    run: ({ inside }) => inside.attempt(["yield"]),
  },
];
