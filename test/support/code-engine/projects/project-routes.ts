import { accepted, jsonAnswer } from "../http/answers.ts";
import { page } from "../http/pagination.ts";
import { type AnyRoute, route } from "../http/route.ts";
import type { World } from "../world.ts";
import type { Project } from "./project.ts";
import type { Projects } from "./projects.ts";

/** Of the documentation ranges: these belong to nobody. */
const EGRESS_IPS = { public: ["198.51.100.10", "198.51.100.11", "198.51.100.12"], private: ["192.0.2.10"] };

/** Projects, and what can be read about one. */
export function projectRoutes(world: World, projects: Projects): AnyRoute[] {
  const ONE = "/projects/{project_id}";
  return [
    route<undefined>({
      method: "GET",
      path: "/projects",
      right: "read",
      find: () => undefined,
      handle: ({ url, caller }) =>
        page({
          url,
          plural: "projects",
          items: projects.list(caller),
          key: ({ id }) => id,
          view: (project) => project.view(),
          href: `${world.apiUrl}/projects`,
          startRules: true,
        }),
    }),
    route<undefined>({
      method: "POST",
      path: "/projects",
      right: "administer",
      find: () => undefined,
      handle: ({ body }) => jsonAnswer(202, projects.create(body).view()),
    }),
    route<Project>({
      method: "GET",
      path: ONE,
      right: "read",
      find: ({ project_id: id }, caller) => projects.find(id, caller),
      handle: ({ target: project }) => jsonAnswer(200, project.view()),
    }),
    route<Project>({
      method: "DELETE",
      path: ONE,
      right: "administer",
      find: ({ project_id: id }, caller) => projects.find(id, caller),
      handle({ target: project }) {
        projects.delete(project);
        return accepted();
      },
    }),
    route<Project>({
      method: "GET",
      path: `${ONE}/status_details`,
      right: "read",
      find: ({ project_id: id }, caller) => projects.find(id, caller),
      handle: ({ target: { status } }) => jsonAnswer(200, statusDetails(world, status === "active")),
    }),
    route<Project>({
      method: "GET",
      path: `${ONE}/egress_ips`,
      right: "read",
      find: projects.findActive,
      handle: () => jsonAnswer(200, EGRESS_IPS),
    }),
  ];
}

function statusDetails(world: World, active: boolean) {
  const dataPlane = {
    enforcement: "none",
    inbound_public: "allowed",
    inbound_private: "allowed",
    last_synced_at: world.timestamp(),
  };
  return {
    project: active ? "enabled" : "disabled",
    domain: active ? "ready" : "unknown",
    vpe: active ? "ready" : "unknown",
    cbr: { data_plane: dataPlane },
  };
}
