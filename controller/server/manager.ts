/** The controller's name as a writer of fields. */
export const MANAGER = 'kubenova-controller'
