import { once } from "node:events";
import { CodeEngineEmulator } from "../test/support/code-engine/emulator.ts";
import { engineAddress, pingEngine } from "./engine/engine-address.ts";

/** What `make code-engine-emulator` does: an emulator on loopback with one project, until somebody presses Ctrl-C. */
const REGION = "us-south";
const PROJECT = "slipway";

const ping = await pingEngine(engineAddress());
const docker = ping.kind === "answers" ? "real" : "simulated";
await using emulator = await CodeEngineEmulator.start({ region: REGION, docker, endpoints: "loopback" });
const project = emulator.createProject({ name: PROJECT });
const apiKey = emulator.createApiKey();

console.log(`Code Engine, emulated. ${
  docker === "real"
    ? `Applications run as containers of the Docker Engine at ${engineAddress()}, and builds make images with it.`
    : "No Docker Engine answers, so applications are simulated: each answers with a line of text, and builds make nothing."
}

  API         ${emulator.apiUrl}
  IAM         ${emulator.iamUrl}
  proxy       ${emulator.proxyUrl}
  logs        ${emulator.logsUrl}   (instance ${emulator.createLogsInstance()})
  monitoring  ${emulator.monitoringUrl}   (instance ${emulator.createMonitoringInstance()})
  project     ${PROJECT}   (${project.id}, region ${REGION})
  API key     ${apiKey}

The client of Slipway's backend, which takes plain HTTP on this machine only:

  new CodeEngineClient({
    region: "${REGION}",
    apiKey: "${apiKey}",
    overrides: { api: "${emulator.apiUrl}", iam: "${emulator.iamUrl}", proxy: "${emulator.proxyUrl}" },
  })

By hand:

  TOKEN=$(curl -s ${emulator.iamUrl}/identity/token -d apikey=${apiKey} \\
    -d grant_type=urn:ibm:params:oauth:grant-type:apikey | jq -r .access_token)
  curl -s -H "Authorization: Bearer $TOKEN" "${emulator.apiUrl}/projects?version=2026-06-15"

Nothing is kept. Ctrl-C ends it, and removes its containers.`);

// A signal alone does not keep a process alive.
const alive = setInterval(() => undefined, 60_000);
await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
clearInterval(alive);
console.log("Removing what ran.");
