import type { Attempt } from "./attempt.ts";

/** Writing where the image's files are, and where a profile says that it may be. */
export const FILES: readonly Attempt[] = [
  {
    name: "writing to /",
    proves: ["filesystem.readOnlyRoot"],
    succeedsIn: ["unrestricted"],
    run: ({ inside }) => inside.attempt(["write", "/escaped"]),
    control: "readOnlyRoot",
  },
  {
    name: "writing beside the image's programs",
    proves: ["filesystem.readOnlyRoot"],
    succeedsIn: ["unrestricted"],
    run: ({ inside }) => inside.attempt(["write", "/bin/escaped"]),
    control: "readOnlyRoot",
  },
  {
    name: "writing to /data, which the standard profile allows",
    proves: ["filesystem.allowedMounts"],
    profiles: ["standard", "restricted", "airgapped"],
    succeedsIn: ["standard"],
    run: ({ inside }) => inside.attempt(["write", "/data/kept"]),
  },
  {
    name: "writing to /tmp, which the suite's own profile allows",
    proves: ["filesystem.readOnlyRoot", "filesystem.allowedMounts"],
    succeedsIn: ["unrestricted", "listed"],
    run: ({ inside }) => inside.attempt(["write", "/tmp/scratch"]),
    control: "readOnlyRoot",
  },
];
