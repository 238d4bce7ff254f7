/**
 * The catalogue of wire errors: name → HTTP status, per service, as in Amazon's published models plus the few that
 * every AWS endpoint can answer. Operations declare which of them they may raise; nothing else compiles.
 */
export const catalogue = {
  connect: {
    AccessDeniedException: 403,
    ConflictException: 409,
    ContactNotFoundException: 410,
    ContactNotTerminatedException: 409,
    IdempotencyException: 409,
    InternalServiceException: 500,
    InvalidActiveRegionException: 400,
    InvalidParameterException: 400,
    InvalidRequestException: 400,
    LimitExceededException: 429,
    ResourceConflictException: 409,
    ResourceNotFoundException: 404,
    ServiceQuotaExceededException: 402,
    ThrottlingException: 429,
  },
  participant: {
    AccessDeniedException: 403,
    ConflictException: 409,
    InternalServerException: 500,
    ResourceNotFoundException: 404,
    ServiceQuotaExceededException: 402,
    ThrottlingException: 429,
    ValidationException: 400,
  },
} as const;

/** What the pipeline itself may answer for any operation, whatever the operation declares. */
export const common = {
  ExpiredTokenException: 403,
  ForbiddenException: 403,
  IncompleteSignatureException: 403,
  InvalidSignatureException: 403,
  MissingAuthenticationTokenException: 403,
  RequestEntityTooLargeException: 413,
  SerializationException: 400,
  ServiceUnavailableException: 503,
  TooManyRequestsException: 429,
  UnknownOperationException: 404,
  UnrecognizedClientException: 403,
} as const;

export type ServiceName = keyof typeof catalogue;
export type ErrorName<S extends ServiceName> = keyof (typeof catalogue)[S] & string;

/** What the two services call the same two things: a broken constraint, and a failure of their own. */
export const services = {
  connect: { invalid: 'InvalidRequestException', internal: 'InternalServiceException' },
  participant: { invalid: 'ValidationException', internal: 'InternalServerException' },
} as const satisfies { [S in ServiceName]: { invalid: ErrorName<S>; internal: ErrorName<S> } };

/** A wire error. Raised only in `operations/` and `http/`; its message says what is wrong and what to do. */
export class Fault extends Error {
  readonly type: string;
  readonly status: number;
  /** Further modelled members of the error's body, such as ResourceId. */
  readonly members: Readonly<Record<string, unknown>>;
  /** Sent as `Retry-After`, whole seconds. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    type: string,
    status: number,
    message: string,
    more: { members?: Record<string, unknown> | undefined; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message);
    this.name = 'Fault';
    this.type = type;
    this.status = status;
    this.members = more.members ?? {};
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** A fault that any service may answer, such as `UnknownOperationException`. */
export function commonFault(type: keyof typeof common, message: string, retryAfterSeconds?: number): Fault {
  return new Fault(type, common[type], message, { retryAfterSeconds });
}

/** A modelled fault of one service. */
export function serviceFault<S extends ServiceName>(
  service: S,
  type: ErrorName<S>,
  message: string,
  members?: Record<string, unknown>,
): Fault {
  const statuses: Readonly<Record<string, number>> = catalogue[service];
  return new Fault(type, statuses[type] ?? 500, message, { members });
}
