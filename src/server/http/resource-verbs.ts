import { create } from "../verbs/create.ts";
import { remove } from "../verbs/delete.ts";
import { deleteCollection } from "../verbs/delete-collection.ts";
import { get } from "../verbs/get.ts";
import { list } from "../verbs/list.ts";
import { patch } from "../verbs/patch.ts";
import type { ResourceRequest } from "../verbs/resource-request.ts";
import { getScale, patchScale, updateScale } from "../verbs/scale.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { update } from "../verbs/update.ts";
import { watch } from "../verbs/watch.ts";
import type { Answer } from "./answer.ts";

export type VerbHandler = (context: ServerContext, request: ResourceRequest) => Promise<Answer>;

/** What serves each verb of the object itself. */
export const objectVerbs: Readonly<Record<string, VerbHandler>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: remove,
  deletecollection: deleteCollection,
};

/** What serves each verb of a subresource that is a view of the stored object. */
export const subresourceVerbs: Readonly<Record<string, Readonly<Record<string, VerbHandler>>>> = {
  status: { get, update, patch },
  scale: { get: getScale, update: updateScale, patch: patchScale },
  finalize: { update },
};
