import { ANYBODY, METADATA, METADATA_PORT } from "../addresses.ts";
import { HTTPS_ATTEMPT } from "../image.ts";
import type { Answer } from "../inside.ts";
import { Name, type Profile } from "../profiles.ts";
import { ECHO, type Stage } from "../stage.ts";
import type { Attempt, Spot } from "./attempt.ts";

const PROVES = ["network.egressAllowed", "network.allowedHosts"] as const;
/** Those with a sandbox, whose resolver is the suite's. Without one the machine's answers, which is none of ours. */
const SANDBOXED: readonly Profile[] = ["standard", "restricted", "airgapped", "listed", "open", "capable"];
const MCP_PORT = 8080;
const LISTED: readonly Profile[] = ["listed"];

/** Three labels of 60 letters hold 120 bytes of somebody's secret. */
const PAYLOAD = `${"s3cret".repeat(10)}.`.repeat(3);

/** Names: who may ask, what may be asked, and what an answer opens. */
export const NAMES: readonly Attempt[] = [
  askedFor("DNS for a name that is not allowed", ({ number }) => ["udp", "system", `leak-${number}.test`, "A"]),
  askedFor("DNS by TCP for a name that is not allowed", ({ number }) => [
    "tcp",
    "system",
    `leak-tcp-${number}.test`,
    "A",
  ]),
  askedFor("a tunnel through long TXT names", ({ number }) => ["udp", "system", `${PAYLOAD}udp-${number}.test`, "TXT"]),
  askedFor("a tunnel through long TXT names by TCP", ({ number }) => [
    ...["tcp", "system", `${PAYLOAD}tcp-${number}.test`, "TXT"],
  ]),
  enginesResolver("the Engine's resolver at 127.0.0.11", "127.0.0.11"),
  enginesResolver("the Engine's resolver, past what leads port 53 to another", "engine"),

  listedOnly("a name below an exact allowed name", false, ["dns", "udp", "system", `below.${Name.Allowed}`, "A"]),
  listedOnly("the apex of an allowed wildcard", false, ["dns", "udp", "system", Name.Apex, "A"]),
  listedOnly("an allowed name with another port", false, ["name", Name.WithPort, "A", "443"], {
    // There it is no port of an echo; that it connects is enough.
    control: async (stage) => (await stage.controls.without("network")).attempt(["tcp", ANYBODY.v4, "443"]),
  }),
  listedOnly("an allowed name with its port", true, ["name", Name.WithPort, "A", ECHO]),
  listedOnly("an allowed name by TCP, a plain protocol", true, ["name", Name.Allowed, "A", ECHO]),
  listedOnly("an allowed name by TCP over IPv6", true, ["name", Name.Allowed, "AAAA", ECHO]),
  listedOnly("a name below an allowed wildcard", true, ["name", Name.BelowWildcard, "A", ECHO]),
  listedOnly("an allowed name that answers through a chain of CNAMEs", true, ["name", Name.Chain, "A", ECHO]),
  listedOnly("an allowed name with twenty rotating addresses", true, ["name", Name.Many, "A", ECHO]),
  listedOnly("an allowed name whose answer has TTL 0", true, ["name", Name.NoTtl, "A", ECHO]),
  {
    name: "an allowed name by HTTPS, without a proxy",
    proves: ["network.allowedHosts"],
    profiles: ["restricted", "listed", "open"],
    succeedsIn: ["listed", "open"],
    run: ({ inside }, stage) =>
      inside.attempt([`https://${Name.Allowed}/`, stage.outside.caPem], { program: HTTPS_ATTEMPT }),
    control: "network",
  },
  {
    name: "a name below a wildcard of the standard profile",
    proves: ["network.allowedHosts"],
    profiles: SANDBOXED,
    succeedsIn: ["standard", "open"],
    run: ({ inside }) => inside.attempt(["name", Name.BuiltIn, "A", ECHO]),
    control: "network",
  },

  repointed("the bridge's gateway", (stage) => [stage.outside.bridge.gateway4, stage.host.port]),
  repointed("another address of the machine", (stage) => [stage.outside.hostAddress, stage.host.port]),
  repointed("the metadata service", () => [METADATA, METADATA_PORT]),
  repointed("another deployment's container", (stage) => [stage.address("sibling"), MCP_PORT]),
];

/** Succeeds when an answer comes; what was asked must not get out, either. */
function askedFor(name: string, args: (spot: Spot) => string[]): Attempt {
  return {
    name,
    proves: PROVES,
    profiles: SANDBOXED,
    succeedsIn: ["open"],
    run: async (spot, stage) => {
      const answer = await spot.inside.attempt(["dns", ...args(spot)]);
      const asked = (await stage.outside.questions()).some((question) => question.name === args(spot)[2]);
      return asked && !answer.ok ? { ok: true, why: "the question got out" } : answer;
    },
    control: "network",
  };
}

function listedOnly(name: string, works: boolean, args: readonly string[], more: Partial<Attempt> = {}): Attempt {
  return {
    name,
    proves: ["network.allowedHosts"],
    profiles: LISTED,
    succeedsIn: works ? LISTED : [],
    run: ({ inside }) => inside.attempt(args),
    control: "network",
    ...more,
  };
}

/** It knows containers by their names, and asks the machine's resolver for all others. */
function enginesResolver(name: string, server: string): Attempt {
  return {
    name,
    proves: PROVES,
    succeedsIn: ["unrestricted"],
    run: async ({ inside }, stage) => {
      const answer = await inside.attempt(["dns", "udp", server, await stage.siblingName(), "A"]);
      return { ...answer, ok: answer.addresses?.includes(stage.address("sibling")) ?? false };
    },
    control: "network",
  };
}

/** The name leads outside and works; then to a place inside, and must not. */
function repointed(where: string, target: (stage: Stage) => readonly [address: string, port: number]): Attempt {
  return {
    name: `an allowed name that is re-pointed to ${where}`,
    proves: ["network.allowedHosts"],
    profiles: LISTED,
    succeedsIn: [],
    run: async ({ inside, number }, stage): Promise<Answer> => {
      const [address, port] = target(stage);
      const name = `to-${address.replaceAll(".", "-")}-${number}.${Name.Apex}`;
      await stage.outside.name(name, { a: [ANYBODY.v4], ttl: 0 });
      const before = await inside.attempt(["name", name, "A", ECHO]);
      if (!before.ok) throw new Error(`${name} did not work before: ${before.why}`);
      await stage.outside.name(name, { a: [address], ttl: 0 });
      await inside.attempt(["dns", "udp", "system", name, "A"]);
      return await inside.attempt(["tcp", address, String(port)]);
    },
    control: "network",
  };
}
