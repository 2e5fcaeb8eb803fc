/** The value of the object's own member. Names that every object inherits, such as `constructor`, are not found. */
export const getOwn = <T>(members: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(members, name) ? members[name] : undefined
