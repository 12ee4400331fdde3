import { type Answer, header } from "../http/answer.ts";
import { createObject } from "./create-object.ts";
import { checkName, checkPlace, readObject } from "./decode-object.ts";
import { presentObject } from "./present.ts";
import { managerOf, parseWriteOptions } from "./query-options.ts";
import type { ResourceRequest } from "./resource-request.ts";
import type { ServerContext } from "./server-context.ts";
import { checkUid, updateObject } from "./update-object.ts";

/** PUT of an object or of its status. Creates where the kind allows it. */
export async function update(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const { resource, namespace, name, subresource, user } = request;
  const options = parseWriteOptions(request.query, "UpdateOptions");
  const object = await readObject(request, options);
  checkPlace(request, object);
  checkName(request, object);
  let created = false;
  const common = {
    resource,
    namespace,
    user,
    dryRun: options.dryRun,
    fieldManager: managerOf(options, header(request.http, "user-agent")),
    warn: (text: string) => request.warnings.add(text),
    annotate: request.annotate,
    from: request.from,
  };
  const mayCreate = resource.strategy.createOnUpdate && subresource === "" && !object.metadata.resourceVersion;
  const { json } = await updateObject(context, {
    ...common,
    name,
    subresource,
    isPatch: false,
    change: (current) => {
      checkUid(resource, object, current);
      return object;
    },
    ...(mayCreate
      ? {
          onMissing: async () => {
            request.authorizeCreate();
            // A copy: should somebody else be faster, `object` is the update of theirs.
            const written = await createObject(context, { ...common, object: structuredClone(object) });
            created = true;
            return written;
          },
        }
      : {}),
  });
  return presentObject(created ? 201 : 200, request, json);
}
