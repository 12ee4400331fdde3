import { describe, expect, it } from "@jest/globals";
import { bubblewrapArguments, type SandboxPlaces } from "./bubblewrap-arguments.ts";

const PLACES: SandboxPlaces = {
  cwd: "/srv/work/one",
  home: "/srv/work/one",
  hidden: [],
  shown: ["/srv/packages"],
  loader: {},
};
const OPEN = { readOnlyRoot: false, noNetwork: false };
const argumentsFor = (
  patch: Partial<SandboxPlaces> = {},
  confinement: Partial<typeof OPEN> = {},
  program = "/usr/bin/node",
) => bubblewrapArguments([program, "-e", "; rm -rf /"], { ...OPEN, ...confinement }, { ...PLACES, ...patch }).join(" ");

describe("the arguments of bubblewrap", () => {
  it("end with the program and its arguments, as they are", () => {
    expect(bubblewrapArguments(["/bin/true", "--bind", "a b"], OPEN, PLACES).slice(-4)).toEqual([
      ...["--", "/bin/true", "--bind", "a b"],
    ]);
  });

  it.each([
    { because: "the files are the machine's", want: "--bind / /" },
    { because: "they can be read-only", confinement: { readOnlyRoot: true }, want: "--ro-bind / /" },
    { because: "nobody else's /tmp is seen", want: "--tmpfs /tmp" },
    { because: "its processes are its own", want: "--unshare-pid" },
    {
      because: "its own folder is writable, whatever lies over it",
      want: "--bind /srv/work/one /srv/work/one --chdir",
    },
    { because: "it has no network", confinement: { noNetwork: true }, want: "--unshare-net" },
    { because: "sockets of services lead out, too", confinement: { noNetwork: true }, want: "--tmpfs /run" },
    { because: "our data is hidden", patch: { hidden: ["/srv"] }, want: "--tmpfs /srv" },
    {
      because: "but not what all may read of it",
      patch: { hidden: ["/srv"] },
      want: "--ro-bind /srv/packages /srv/packages",
    },
    { because: "a program in /tmp can be run", program: "/tmp/bin/server", want: "--ro-bind /tmp/bin /tmp/bin" },
    {
      because: "what its loader loads is loaded inside alone",
      patch: { loader: { LD_PRELOAD: "/own.so" } },
      want: "--setenv LD_PRELOAD /own.so",
    },
    { because: "a folder to work in can be there", patch: { cwd: "/tmp/here" }, want: "--ro-bind /tmp/here /tmp/here" },
  ])("$because", ({ patch, confinement, program, want }) => {
    expect(argumentsFor(patch, confinement, program)).toContain(want);
  });

  it("hide what is ours after they have shown what a deployment names", () => {
    const said = argumentsFor({ hidden: ["/tmp/x/data"], cwd: "/tmp/x" });
    expect(said.indexOf("--tmpfs /tmp/x/data")).toBeGreaterThan(said.indexOf("--ro-bind /tmp/x /tmp/x"));
  });

  it.each([
    { because: "the network is left alone where nobody closes it", unwanted: "--unshare-net" },
    { because: "names are resolved by what is in /run", unwanted: "--tmpfs /run" },
    { because: "what lies elsewhere is there already", unwanted: "--ro-bind /srv/packages" },
    {
      because: "a deployment cannot name what is hidden",
      patch: { hidden: ["/srv/data"], cwd: "/srv/data/keys" },
      unwanted: "--ro-bind /srv/data",
    },
  ])("say no more than needed: $because", ({ patch, unwanted }) => {
    expect(argumentsFor(patch)).not.toContain(unwanted);
  });
});
