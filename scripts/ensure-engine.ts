import { installPackages } from "./engine/debian-packages.ts";
import { daemonLogFile, startByService, startDaemon } from "./engine/dockerd.ts";
import { engineAddress } from "./engine/engine-address.ts";
import { lookAtMachine } from "./engine/machine.ts";
import { nextStep } from "./engine/plan.ts";

/** Install, start, use: no machine needs more. */
const MOST_STEPS = 4;

/**
 * Makes sure that a Docker Engine answers: a running one is used, an installed one started, and on Debian or Ubuntu
 * root gets one installed. Says what it does.
 * @throws {Error} with what to type, where nothing of this is possible.
 */
export async function ensureEngine(say: (line: string) => void = console.log): Promise<void> {
  const address = engineAddress();
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const step = nextStep(await lookAtMachine(address));
    switch (step.type) {
      case "use":
        say(`Docker Engine ${step.version} runs at ${address}.`);
        return;
      case "install":
        say("There is no Docker Engine that works on this machine.");
        installPackages(step.packages, say);
        break;
      case "start":
        await start(step.how, address, say);
        break;
      case "stop":
        throw new Error(step.message);
      default:
        step satisfies never;
    }
  }
  throw new Error(`the Docker Engine was installed and started, but does not answer at ${address}`);
}

/**
 * The same for who can go without: false where there is no Engine and none can be had, after saying why, or where the
 * environment has ENGINE=none.
 * @throws {Error} where ENGINE is something else.
 */
export async function engineIfPossible(
  wish = process.env.ENGINE,
  say: (line: string) => void = console.log,
): Promise<boolean> {
  if (wish !== undefined && wish !== "" && wish !== "none") {
    throw new Error(`ENGINE: ${JSON.stringify(wish)} is not known; write none, or leave it out`);
  }
  if (wish === "none") {
    say("Going without a Docker Engine, as ENGINE=none says.");
    return false;
  }
  try {
    await ensureEngine(say);
    return true;
  } catch (error) {
    say(
      `No Docker Engine: ${(error as Error).message}\nGoing on without it: servers run as processes of this machine.`,
    );
    return false;
  }
}

async function start(how: "systemd" | "dockerd", address: string, say: (line: string) => void): Promise<void> {
  if (how === "systemd") {
    say("Starting the Docker Engine: systemctl start docker");
    await startByService(address);
    return;
  }
  const logFile = daemonLogFile();
  say(`Starting the Docker Engine: dockerd, with its log in ${logFile}`);
  await startDaemon(address, { logFile });
}

if (import.meta.main) {
  try {
    await ensureEngine();
  } catch (error) {
    console.error(`slipway: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
