import type { Rendered } from "./chart.ts";

const VOLUMES = [
  ...["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"],
  ...["persistentVolumeClaim", "projected", "secret"],
];

/**
 * What keeps a pod's template from profile `restricted` of Pod Security, as of Kubernetes 1.30:
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function restrictedViolations({ spec }: Rendered): readonly string[] {
  const { hostNetwork, hostPID, hostIPC, containers, initContainers = [], volumes = [] } = spec;
  return [
    ...(hostNetwork || hostPID || hostIPC ? ["host namespaces"] : []),
    ...volumes
      .filter((volume: Rendered) => !VOLUMES.some((type) => type in volume))
      .map(({ name }: Rendered) => `volume ${name}`),
    ...[...containers, ...initContainers].flatMap((container) => ofContainer(container, spec.securityContext ?? {})),
  ];
}

function ofContainer({ name, securityContext: own = {}, ports = [] }: Rendered, pod: Rendered): readonly string[] {
  const both = { ...pod, ...own };
  const added: readonly string[] = own.capabilities?.add ?? [];
  const checks: readonly (readonly [isWrong: boolean, what: string])[] = [
    [own.privileged === true, "is privileged"],
    [own.allowPrivilegeEscalation !== false, "may gain privileges"],
    [both.runAsNonRoot !== true || both.runAsUser === 0, "may run as root"],
    [!["RuntimeDefault", "Localhost"].includes(both.seccompProfile?.type), "has no seccomp profile"],
    [own.capabilities?.drop?.includes("ALL") !== true, "keeps capabilities"],
    [added.some((each) => each !== "NET_BIND_SERVICE"), "adds capabilities"],
    [ports.some(({ hostPort }: Rendered) => hostPort !== undefined), "takes ports of the host"],
  ];
  return checks.flatMap(([isWrong, what]) => (isWrong ? [`${name} ${what}`] : []));
}
