import { arch, platform } from "node:process";

/** The Kubernetes release whose API this server speaks. */
const MAJOR = "1";
const MINOR = "36";

/** `/version`. Clients compare `gitVersion` as a semantic version; what follows the plus says who answers. */
export function versionInfo(): object {
  return {
    major: MAJOR,
    minor: MINOR,
    gitVersion: `v${MAJOR}.${MINOR}.0+slipway`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: "node",
    platform: `${platform}/${arch === "x64" ? "amd64" : arch}`,
  };
}
