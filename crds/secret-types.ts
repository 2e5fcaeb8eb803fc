/**
 * The types of the Secrets that Servers and ServerActions name. The controller gives only these to a guest. Otherwise a
 * user who may create Servers but not read Secrets could have every Secret of the namespace given to a guest.
 */
export const secretTypes = {
  /** For spec.userDataFrom. */
  userData: 'compute.kubenova.io/user-data',
  /** For spec.injectedFrom. */
  injected: 'compute.kubenova.io/injected',
  /** For spec.changePassword. */
  password: 'compute.kubenova.io/password',
} as const

/** The keys of a Secret for spec.injectedFrom. */
export const injectedKeys = { password: 'admin-password', files: 'files' } as const
