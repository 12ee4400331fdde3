import type { Ping } from "./engine-address.ts";

/** What is known of this machine. */
export interface Machine {
  readonly ping: Ping;
  readonly address: string;
  /** Whether an Engine that is started here would answer at `address`. */
  readonly local: boolean;
  readonly platform: NodeJS.Platform;
  readonly root: boolean;
  /** Debian, Ubuntu, or made from one of them. */
  readonly debian: boolean;
  /** systemd runs and manages services; in most containers it does not. */
  readonly systemd: boolean;
  readonly dockerd: boolean;
  readonly iptables: boolean;
}

export type Step =
  | { readonly type: "use"; readonly version: string }
  | { readonly type: "start"; readonly how: "systemd" | "dockerd" }
  | { readonly type: "install"; readonly packages: readonly string[] }
  /** Nothing that this program may do would help. `message` says what is wrong and what to type. */
  | { readonly type: "stop"; readonly message: string };

/** Pure. The next step towards a running Engine: use a running one, else start an installed one, else install it. */
export function nextStep(machine: Machine): Step {
  const { ping, address, local, root, debian, systemd, dockerd, iptables } = machine;
  if (ping.kind === "answers") return { type: "use", version: ping.version };
  if (ping.kind === "forbidden") return stop(forbidden(address));
  if (!local) return stop(`the Docker Engine at DOCKER_HOST=${address} does not answer: ${ping.message}`, UNSET);
  if (machine.platform !== "linux") return stop("no Docker Engine answers", "Start Docker Desktop, then try again.");
  if (!dockerd) {
    if (root && debian) return { type: "install", packages: ["docker.io", "iptables"] };
    return stop("no Docker Engine is installed", debian ? type(INSTALL_DEBIAN) : INSTALL_ELSEWHERE);
  }
  if (!root) {
    const command = systemd ? "sudo systemctl start docker" : "sudo dockerd &";
    return stop("the Docker Engine is installed, but does not run, and only root can start it", type(command));
  }
  if (systemd) return { type: "start", how: "systemd" };
  if (iptables) return { type: "start", how: "dockerd" };
  if (debian) return { type: "install", packages: ["iptables"] };
  return stop("the Docker Engine cannot start without iptables", "Install the package iptables, then try again.");
}

const INSTALL_DEBIAN = "sudo apt-get update && sudo apt-get install -y docker.io iptables";
const INSTALL_ELSEWHERE = "Install it as https://docs.docker.com/engine/install/ says, then try again.";
const UNSET = "Start it, or unset DOCKER_HOST to use the Engine of this machine.";

function forbidden(address: string): string {
  return `you may not use the Docker Engine at ${address}.\n${type("sudo usermod -aG docker $USER")}\nThen log in anew.`;
}

function type(command: string): string {
  return `Type:  ${command}`;
}

function stop(problem: string, remedy?: string): Step {
  return { type: "stop", message: remedy === undefined ? problem : `${problem}.\n${remedy}` };
}
