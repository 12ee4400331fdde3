import type { DeploymentWorld } from "./deployment-world.ts";

/** What the builds of a `DeploymentWorld` with `letBuild` can make an image of. */
export const GIT = {
  url: "git@git.test:team/files",
  branch: "main",
  credentialsRef: { name: "key" },
  push: { repository: "registry.test/team/files", secretRef: { name: "push" } },
};
export const PASSWORD = "sw0rdfish";
export const DOCKER_CONFIG = JSON.stringify({ auths: { "registry.test": { username: "u", password: PASSWORD } } });

/** Has the default backend build, and puts the Secrets that `GIT` names. */
export function letBuild(world: DeploymentWorld): void {
  world.engine.builds.places.add("docker");
  putGitSecrets(world);
}

/** Rotates them, where they are there already. */
export function putGitSecrets(world: DeploymentWorld): void {
  world.putSecret("key", { "ssh-privatekey": "PRIVATE KEY" }, "kubernetes.io/ssh-auth");
  world.putSecret("push", { ".dockerconfigjson": DOCKER_CONFIG }, "kubernetes.io/dockerconfigjson");
}
