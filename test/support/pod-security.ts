import type { Container, PodTemplate, SecurityContext } from "./chart.ts";

const VOLUMES = [
  ...["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"],
  ...["persistentVolumeClaim", "projected", "secret"],
];

/**
 * What keeps a pod's template from profile `restricted` of Pod Security, as of Kubernetes 1.30:
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function restrictedViolations({ spec }: PodTemplate): readonly string[] {
  const { hostNetwork, hostPID, hostIPC, containers, volumes = [] } = spec;
  return [
    ...(hostNetwork || hostPID || hostIPC ? ["host namespaces"] : []),
    ...volumes.filter((volume) => !VOLUMES.some((type) => type in volume)).map(({ name }) => `volume ${name}`),
    ...containers.flatMap((container) => ofContainer(container, spec.securityContext ?? {})),
  ];
}

function ofContainer({ name, securityContext: own = {}, ports = [] }: Container, pod: SecurityContext): string[] {
  const { runAsNonRoot, runAsUser, seccompProfile } = { ...pod, ...own };
  const { drop = [], add = [] } = own.capabilities ?? {};
  const checks: readonly (readonly [isWrong: boolean, what: string])[] = [
    [own.privileged === true, "is privileged"],
    [own.allowPrivilegeEscalation !== false, "may gain privileges"],
    [runAsNonRoot !== true || runAsUser === 0, "may run as root"],
    [!["RuntimeDefault", "Localhost"].includes(seccompProfile?.type ?? ""), "has no seccomp profile"],
    [!drop.includes("ALL"), "keeps capabilities"],
    [add.some((each) => each !== "NET_BIND_SERVICE"), "adds capabilities"],
    [ports.some(({ hostPort }) => hostPort !== undefined), "takes ports of the host"],
  ];
  return checks.flatMap(([isWrong, what]) => (isWrong ? [`${name} ${what}`] : []));
}
