import { conflict } from "../http/api-error.ts";
import type { AnyRoute } from "../http/route.ts";
import type { FindProject, Projects } from "../projects/projects.ts";
import { DomainMapping, readDomainName } from "./domain-mapping.ts";
import { OutboundDestination, readDestinationName } from "./outbound-destination.ts";
import { resourceRoutes } from "./resource-routes.ts";

/** Domain mappings, and where a project may connect to. */
export function networkRoutes(projects: Projects, findProject: FindProject): AnyRoute[] {
  return [
    ...resourceRoutes<DomainMapping>({
      findProject,
      plural: "domain_mappings",
      collection: ({ domainMappings }) => domainMappings,
      create(project, body) {
        const name = readDomainName(body);
        project.domainMappings.admit(name);
        const elsewhere = projects.all.some((other) => other.domainMappings.get(name) !== undefined);
        if (elsewhere) throw conflict(`The domain '${name}' is mapped in another project.`);
        return new DomainMapping(project, name, body);
      },
      change: { method: "PATCH", apply: (mapping, body) => mapping.patch(body) },
    }),
    ...resourceRoutes<OutboundDestination>({
      findProject,
      plural: "allowed_outbound_destinations",
      versionOptional: true,
      collection: ({ destinations }) => destinations,
      create(project, body) {
        const name = readDestinationName(body);
        project.destinations.admit(name);
        return new OutboundDestination(project, name, body);
      },
      change: { method: "PATCH", apply: (destination, body) => destination.patch(body) },
    }),
  ];
}
