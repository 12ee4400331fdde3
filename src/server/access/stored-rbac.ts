import type { KubeObject } from "../../api/meta.ts";
import type { GroupResource, ObjectReader } from "../object-reader.ts";
import { type Binding, type ClusterRole, type RbacObjects, type Role, rbacGroup } from "./rbac.ts";

export const roles: GroupResource = { group: rbacGroup, plural: "roles" };
export const clusterRoles: GroupResource = { group: rbacGroup, plural: "clusterroles" };
export const roleBindings: GroupResource = { group: rbacGroup, plural: "rolebindings" };
export const clusterRoleBindings: GroupResource = { group: rbacGroup, plural: "clusterrolebindings" };

/** The RBAC objects of the server's own store. */
export function storedRbacObjects(reader: ObjectReader): RbacObjects {
  const all = <T extends KubeObject>(resource: GroupResource) => reader.list<T>(resource);
  return {
    roles: () => all<Role>(roles),
    clusterRoles: () => all<ClusterRole>(clusterRoles),
    roleBindings: () => all<Binding>(roleBindings),
    clusterRoleBindings: () => all<Binding>(clusterRoleBindings),
    onChange(listener) {
      const ends = [roles, clusterRoles, roleBindings, clusterRoleBindings].map((resource) =>
        reader.subscribe(resource, listener),
      );
      return () => {
        for (const end of ends) end();
      };
    },
  };
}
