import type { JsonObject } from "../fields/field.ts";
import { accepted, jsonAnswer } from "../http/answers.ts";
import { conflict } from "../http/api-error.ts";
import { page } from "../http/pagination.ts";
import { type AnyRoute, route } from "../http/route.ts";
import type { Project } from "../projects/project.ts";
import type { FindProject } from "../projects/projects.ts";
import type { Collection } from "./collection.ts";
import type { Resource } from "./resource.ts";

export interface ResourceRoutes<R extends Resource> {
  readonly findProject: FindProject;
  readonly collection: (project: Project) => Collection<R>;
  /** As in paths. */
  readonly plural: string;
  /** What a create answers: 201, or 202 where work begins. */
  readonly created?: 201 | 202;
  /** Reads the body, and makes the resource or says what is wrong. @throws {ApiError} 400, 404, 409 */
  readonly create: (project: Project, body: JsonObject) => R;
  /** A PUT replaces, a PATCH merges. Neither, where a resource cannot change. */
  readonly change?: { readonly method: "PUT" | "PATCH"; readonly apply: (resource: R, body: JsonObject) => void };
  /** In a list, where that differs from a GET. */
  readonly listed?: (resource: R) => JsonObject;
  /** A query parameter that narrows the list, and what it compares with. */
  readonly filter?: { readonly parameter: string; readonly value: (resource: R) => string };
  /** The SDK lists some kinds without a version. */
  readonly versionOptional?: boolean;
}

/** List, create, get, change and delete, which all kinds have alike. */
export function resourceRoutes<R extends Resource>(kind: ResourceRoutes<R>): AnyRoute[] {
  const { findProject, collection, plural, change } = kind;
  const path = `/projects/{project_id}/${plural}`;
  const one = `${path}/{name}`;
  const find = (params: Readonly<Record<string, string>>, caller: Parameters<FindProject>[1]): Found<R> => {
    const project = findProject(params, caller);
    return { project, resource: collection(project).find(params.name ?? "") };
  };
  const routes = [
    route<Project>({
      method: "GET",
      path,
      right: "read",
      versionOptional: kind.versionOptional ?? false,
      find: findProject,
      handle: ({ url, target: project, version }) =>
        page({
          url,
          plural: collection(project).plural,
          items: filtered(collection(project).list(), url, kind),
          key: ({ name }) => name,
          view: kind.listed ?? ((resource) => resource.view(version)),
          href: `${project.href}/${plural}`,
        }),
    }),
    route<Project>({
      method: "POST",
      path,
      right: "write",
      find: findProject,
      handle({ target: project, body, version }) {
        const resource = collection(project).add(kind.create(project, body));
        return jsonAnswer(kind.created ?? 201, resource.view(version));
      },
    }),
    route<Found<R>>({
      method: "GET",
      path: one,
      right: "read",
      find,
      handle: ({ target: { resource }, version }) => jsonAnswer(200, resource.view(version)),
    }),
    route<Found<R>>({
      method: "DELETE",
      path: one,
      right: "write",
      find,
      handle({ target: { project, resource } }) {
        collection(project).delete(resource);
        return accepted();
      },
    }),
  ];
  if (change === undefined) return routes;
  const changing = route<Found<R>>({
    method: change.method,
    path: one,
    right: "write",
    find,
    entityTag: ({ resource }) => resource.entityTag,
    handle({ target: { resource }, body, version }) {
      if (resource.deleting) throw conflict(`'${resource.name}' is being deleted.`);
      change.apply(resource, body);
      return jsonAnswer(200, resource.view(version));
    },
  });
  return [...routes, changing];
}

interface Found<R> {
  readonly project: Project;
  readonly resource: R;
}

function filtered<R extends Resource>(resources: R[], url: URL, { filter }: ResourceRoutes<R>): R[] {
  const wanted = filter && url.searchParams.get(filter.parameter);
  return typeof wanted === "string" ? resources.filter((resource) => filter?.value(resource) === wanted) : resources;
}
