import type { CustomResourceDefinition } from "../../api/custom-resource-definition.ts";
import type { ObjectReader, ObjectWriter } from "../object-reader.ts";
import { deepEqual } from "../schema/deep-equal.ts";

const INITIAL_NAMESPACES = ["default", "kube-system", "kube-public", "slipway-system"];
const fieldManager = "slipway-bootstrap";

interface Objects {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
}

/** Namespaces that every server has from its first start on. */
export async function installNamespaces({ reader, writer }: Objects): Promise<void> {
  const resource = { group: "", plural: "namespaces" };
  const missing = INITIAL_NAMESPACES.filter((name) => !reader.get(resource, { namespace: "", name }));
  await Promise.all(missing.map((name) => writer.create(resource, { metadata: { name } }, { fieldManager })));
}

/** Installs this release's definitions, and updates those of an earlier one. Writes nothing when nothing differs. */
export async function installDefinitions(
  { reader, writer }: Objects,
  definitions: readonly CustomResourceDefinition[],
): Promise<void> {
  const resource = { group: "apiextensions.k8s.io", plural: "customresourcedefinitions" };
  await Promise.all(
    definitions.map(async (definition) => {
      const key = { namespace: "", name: definition.metadata.name };
      const existing = reader.get<CustomResourceDefinition>(resource, key);
      if (!existing) {
        await writer.create(resource, definition, { fieldManager });
        return;
      }
      // What the server filled in does not count, and an unchanged definition is not compiled again.
      if (withSpec(existing, definition) === undefined) return;
      await writer.update(resource, key, (current) => withSpec(current as CustomResourceDefinition, definition), {
        fieldManager,
      });
    }),
  );
}

function withSpec(current: CustomResourceDefinition, { spec, metadata }: CustomResourceDefinition) {
  const annotations = { ...current.metadata.annotations, ...metadata.annotations };
  const labels = { ...current.metadata.labels, ...metadata.labels };
  const names = { ...current.spec.names, ...spec.names };
  const conversion = spec.conversion ?? current.spec.conversion;
  const whole = { ...spec, names, ...(conversion ? { conversion } : {}) };
  const next = { ...current, spec: whole, metadata: { ...current.metadata, ...present({ annotations, labels }) } };
  return deepEqual(next, current) ? undefined : next;
}

/** Without the maps that are empty: those and absent ones are the same. */
function present<T extends Record<string, object>>(maps: T): Partial<T> {
  return Object.fromEntries(Object.entries(maps).filter(([, map]) => Object.keys(map).length > 0)) as Partial<T>;
}
