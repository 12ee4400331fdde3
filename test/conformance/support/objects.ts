/** Objects of built-in kinds that cases make. */

interface Named {
  readonly metadata?: object;
}

export const configMap = (name: string, { metadata, ...rest }: Named & { readonly [field: string]: unknown } = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
  ...rest,
});

export const secret = (name: string, { metadata, ...rest }: Named & { readonly [field: string]: unknown } = {}) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, ...metadata },
  ...rest,
});

/** A Deployment of no replicas, so that nothing is run where a controller looks after it. */
export const deployment = (name: string, container: object = {}, pod: object = {}) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "main", image: "example.com/image:1", ...container }], ...pod },
    },
  },
});
