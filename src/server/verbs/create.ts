import { type Answer, header } from "../http/answer.ts";
import { createObject } from "./create-object.ts";
import { checkPlace, readObject } from "./decode-object.ts";
import { presentObject } from "./present.ts";
import { managerOf, parseWriteOptions } from "./query-options.ts";
import type { ResourceRequest } from "./resource-request.ts";
import type { ServerContext } from "./server-context.ts";

export async function create(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const options = parseWriteOptions(request.query, "CreateOptions");
  const object = await readObject(request, options);
  checkPlace(request, object);
  const { json } = await createObject(context, {
    resource: request.resource,
    namespace: request.namespace,
    object,
    user: request.user,
    dryRun: options.dryRun,
    fieldManager: managerOf(options, header(request.http, "user-agent")),
    warn: (text) => request.warnings.add(text),
    annotate: request.annotate,
    from: request.from,
  });
  return presentObject(201, request, json);
}
