import { expect, it } from 'vitest'
import { makeLibvirtError } from '../libvirt/testing/errors.ts'
import { errorFromLibvirt } from './errors.ts'

// 67 is VIR_ERR_CONFIG_UNSUPPORTED, 27 is VIR_ERR_XML_ERROR.
it.each([
  [67, 'UnsupportedHardware', true],
  [27, 'InvalidDomain', false],
])('errorFromLibvirt translates %i to %s, a fault of the host: %s', (code, reason, isHostFault) =>
  expect(errorFromLibvirt(makeLibvirtError(code, 'no q99'), 'define')).toMatchObject({
    kind: 'Terminal',
    code: reason,
    isHostFault,
  }),
)
