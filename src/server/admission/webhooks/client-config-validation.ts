import { subdomainErrors } from "../../registry/object-name.ts";
import type { FieldError } from "../../resource.ts";
import { invalid, required } from "../../schema/field-errors.ts";
import type { ServiceReference, WebhookClientConfig } from "./configuration.ts";

const FORM = "; desired format: https://host[/path]";

/**
 * Rules of where a webhook is, with the messages of k8s.io/apiserver/pkg/util/webhook. caBundle may be anything, as in
 * Kubernetes: charts leave a placeholder there until something fills it in.
 */
export function clientConfigErrors({ url, service }: Partial<WebhookClientConfig>, at: string): FieldError[] {
  if ((url === undefined) === (service === undefined)) {
    return [required(at, "exactly one of url or service is required")];
  }
  if (url !== undefined) return urlErrors(url, `${at}.url`);
  return service === undefined ? [] : serviceErrors(service, `${at}.service`);
}

function urlErrors(text: string, at: string): FieldError[] {
  const [, scheme = "", rest = ""] = /^([a-zA-Z][\w+.-]*):(.*)$/s.exec(text) ?? [undefined, "", text];
  const [, authority = "", user, path = ""] = /^\/\/((?:([^/?#]*)@)?[^/?#]*)(.*)$/s.exec(rest) ?? [];
  const host = authority.slice(user === undefined ? 0 : user.length + 1);
  const hash = (path || rest).indexOf("#");
  const fragment = hash < 0 ? "" : (path || rest).slice(hash + 1);
  const beforeFragment = hash < 0 ? path : path.slice(0, hash);
  const mark = beforeFragment.indexOf("?");
  const query = mark < 0 ? "" : beforeFragment.slice(mark + 1);
  if (host !== "" && !URL.canParse(text)) {
    return [required(at, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URL${FORM}`)];
  }
  const errors: FieldError[] = [];
  if (scheme.toLowerCase() !== "https") {
    errors.push(invalid(at, scheme, `'https' is the only allowed URL scheme${FORM}`));
  }
  if (host === "") errors.push(invalid(at, "", `host must be provided${FORM}`));
  if (user !== undefined) errors.push(invalid(at, user, "user information is not permitted in the URL"));
  if (fragment !== "") errors.push(invalid(at, fragment, "fragments are not permitted in the URL"));
  if (query !== "") errors.push(invalid(at, query, "query parameters are not permitted in the URL"));
  return errors;
}

function serviceErrors({ name, namespace, path, port }: Partial<ServiceReference>, at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${at}.name`, "service name is required"));
  if (!namespace) errors.push(required(`${at}.namespace`, "service namespace is required"));
  if (port !== undefined && (port < 1 || port > 65_535)) {
    errors.push(invalid(`${at}.port`, port, "port is not valid: must be between 1 and 65535, inclusive"));
  }
  return [...errors, ...pathErrors(path ?? "", `${at}.path`)];
}

function pathErrors(path: string, at: string): FieldError[] {
  if (path === "" || path === "/") return [];
  if (path === "//") return [invalid(at, path, "segment[0] may not be empty")];
  const errors: FieldError[] = path.startsWith("/") ? [] : [invalid(at, path, "must start with a '/'")];
  const steps = path.slice(1).replace(/\/$/, "").split("/");
  for (const [index, step] of steps.entries()) {
    if (step === "") errors.push(invalid(at, path, `segment[${index}] may not be empty`));
    else errors.push(...subdomainErrors(step).map((because) => invalid(at, path, `segment[${index}]: ${because}`)));
  }
  return errors;
}
