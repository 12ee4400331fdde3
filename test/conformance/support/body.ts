/** The parts of an answer that cases look at by name; the rest is compared whole, by `toMatchObject`. */
export interface Body {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec: unknown;
  readonly status: unknown;
  readonly data: Readonly<Record<string, string>>;
  readonly items: readonly Body[];
  /** Of a `Status`. */
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly details: StatusDetails;
}

export interface Metadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly object[];
  readonly managedFields?: readonly ManagedFields[];
  /** Of a list. */
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface ManagedFields {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time: string;
  readonly fieldsV1: object;
  readonly subresource?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly field?: string; readonly message: string; readonly reason?: string }[];
}

export const namesOf = ({ items }: Pick<Body, "items">): string[] => items.map(({ metadata }) => metadata.name);

/** What owns an object's fields, as `manager/operation` or `manager/operation/subresource`. */
export const managersOf = ({ metadata }: Pick<Body, "metadata">): string[] =>
  (metadata.managedFields ?? []).map(({ manager, operation, subresource }) =>
    [manager, operation, subresource].filter(Boolean).join("/"),
  );
