/** An object of which only the metadata is meant: `as=PartialObjectMetadata`, and what rows of a table carry. */
export function toPartialObjectMetadata(object: object): { kind: string; apiVersion: string; metadata: object } {
  const { metadata = {} } = object as { metadata?: object };
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}
