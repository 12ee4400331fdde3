import type Docker from "dockerode";

/**
 * Makes a container and answers its ID. The library would write all of its options into the URL, too: secrets into the log of
 * an Engine that debugs, and long ones past what the Engine reads of a request's head (1 MB).
 */
export async function createContainer(
  docker: Docker,
  { name, ...body }: Docker.ContainerCreateOptions & { readonly name: string },
  abortSignal: AbortSignal,
): Promise<string> {
  const parts = { _query: { name }, _body: body, abortSignal };
  const { id } = await docker.createContainer(parts as Docker.ContainerCreateOptions);
  return id;
}
