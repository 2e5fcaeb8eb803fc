/** Bytes of a MiB and of a GiB. */

export const MIB = 1024 ** 2
export const GIB = 1024 ** 3
