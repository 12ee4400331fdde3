import { accepted, jsonAnswer } from "../http/answers.ts";
import { conflict, invalidParameter, notFound } from "../http/api-error.ts";
import { page } from "../http/pagination.ts";
import { type AnyRoute, route } from "../http/route.ts";
import type { Project } from "../projects/project.ts";
import type { FindProject } from "../projects/projects.ts";
import { App } from "./app.ts";
import { readAppName } from "./app-fields.ts";
import { instanceView, revisionView } from "./app-view.ts";
import type { Revision } from "./revision.ts";

const APPS = "/projects/{project_id}/apps";
const APP = `${APPS}/{name}`;
const REVISIONS = `${APPS}/{app_name}/revisions`;

/** Applications, their revisions and their instances. */
export function appRoutes(findProject: FindProject): AnyRoute[] {
  const findApp = (project: Project, name = "") => project.apps.find(name);
  return [
    route<Project>({
      method: "GET",
      path: APPS,
      right: "read",
      find: findProject,
      handle: ({ url, target: project, version }) =>
        page({
          url,
          plural: "apps",
          items: project.apps.list(),
          key: ({ name }) => name,
          view: (app) => app.view(version),
          href: `${project.href}/apps`,
        }),
    }),
    route<Project>({
      method: "POST",
      path: APPS,
      right: "write",
      find: findProject,
      async handle({ target: project, body, version }) {
        const name = readAppName(body);
        project.apps.admit(name);
        const app = project.apps.add(new App(project, name, body));
        app.address = await app.world.endpoints.open(app);
        return jsonAnswer(201, app.view(version));
      },
    }),
    route<App>({
      method: "GET",
      path: APP,
      right: "read",
      find: (params, caller) => findApp(findProject(params, caller), params.name),
      handle: ({ target: app, version }) => jsonAnswer(200, app.view(version)),
    }),
    route<App>({
      method: "PATCH",
      path: APP,
      right: "write",
      find: (params, caller) => findApp(findProject(params, caller), params.name),
      entityTag: (app) => app.entityTag,
      handle({ target: app, body, version }) {
        if (app.deleting) throw conflict(`'${app.name}' is being deleted.`);
        app.patch(body);
        return jsonAnswer(200, app.view(version));
      },
    }),
    route<App>({
      method: "DELETE",
      path: APP,
      right: "write",
      find: (params, caller) => findApp(findProject(params, caller), params.name),
      handle({ url, target: app }) {
        const keep = url.searchParams.get("keep_service_access");
        if (keep !== null && keep !== "true" && keep !== "false") {
          throw invalidParameter("keep_service_access", "keep_service_access must be true or false.");
        }
        app.project.apps.delete(app);
        return accepted();
      },
    }),
    route<App>({
      method: "GET",
      path: REVISIONS,
      right: "read",
      find: (params, caller) => findApp(findProject(params, caller), params.app_name),
      handle: ({ url, target: app, version }) =>
        page({
          url,
          plural: "revisions",
          items: app.revisions,
          key: ({ name }) => name,
          view: (revision) => revisionView(revision, app, version),
          href: `${app.href}/revisions`,
        }),
    }),
    ...revisionRoutes((params, caller) => {
      const app = findApp(findProject(params, caller), params.app_name);
      const revision = app.revisions.find(({ name }) => name === params.name);
      if (revision === undefined) throw notFound();
      return { app, revision };
    }),
    route<App>({
      method: "GET",
      path: `${APPS}/{app_name}/instances`,
      right: "read",
      find: (params, caller) => findApp(findProject(params, caller), params.app_name),
      handle: ({ url, target: app }) =>
        page({
          url,
          plural: "instances",
          items: instancesOf(app),
          key: ({ instance }) => instance.name,
          view: ({ instance, revision }) => instanceView(instance, revision, app),
          href: `${app.href}/instances`,
        }),
    }),
  ];
}

interface OneRevision {
  readonly app: App;
  readonly revision: Revision;
}

function revisionRoutes(find: Parameters<typeof route<OneRevision>>[0]["find"]): AnyRoute[] {
  const path = `${REVISIONS}/{name}`;
  return [
    route<OneRevision>({
      method: "GET",
      path,
      right: "read",
      find,
      handle: ({ target: { app, revision }, version }) => jsonAnswer(200, revisionView(revision, app, version)),
    }),
    route<OneRevision>({
      method: "DELETE",
      path,
      right: "write",
      find,
      handle({ target: { app, revision } }) {
        if (revision === app.active || revision === app.latest) {
          throw conflict(`'${revision.name}' is in use.`);
        }
        app.deleteRevision(revision);
        return accepted();
      },
    }),
  ];
}

function instancesOf(app: App): { instance: App["latest"]["instances"][number]; revision: Revision }[] {
  return app.revisions
    .flatMap((revision) => revision.instances.map((instance) => ({ instance, revision })))
    .sort((a, b) => (a.instance.name < b.instance.name ? -1 : 1));
}
