/** The numbers of bytes in a MiB and in a GiB. */

export const MIB = 1024 ** 2
export const GIB = 1024 ** 3
