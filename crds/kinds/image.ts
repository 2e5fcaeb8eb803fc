import { Type } from 'typebox'
import {
  ageColumn,
  CommonStatus,
  celRules,
  defineKind,
  immutableRule,
  Name,
  Namespace,
  Pairs,
  patternWithMessage,
  type Resource,
  type Rule,
  readyColumn,
  reasonColumn,
  StatusPairs,
  settableOnlyAtCreate,
} from '../schema.ts'

export const ImageReference = (options: { description: string }) =>
  Type.Object(
    {
      name: Name('Name of an Image.'),
      namespace: Type.Optional(Namespace('Namespace of that Image, if it is a public one of another namespace.')),
    },
    options,
  )

export const diskFormats = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx'] as const

/**
 * Only a Secret of this type is sent to the host of an Image's URL. Otherwise users who may create Images but not read
 * Secrets could have every Secret of the namespace sent to a host of their own.
 */
export const CREDENTIALS_SECRET_TYPE = 'compute.kubenova.io/image-credentials'

const HOST = '([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:.]+\\])'

/**
 * The conditions on spec.url, each with its error message. A condition is checked only if all earlier ones hold, so it
 * may rely on them.
 */
const urlConditions: [holds: string, message: string][] = [
  [
    "!self.spec.url.matches(r'^[a-zA-Z][a-zA-Z0-9+.-]*:/*[^/?#]*@')",
    `must not carry a user, password or token: all who may read the Image would read them; put them into a Secret of the type ${CREDENTIALS_SECRET_TYPE} and name that in spec.credentialsSecret`,
  ],
  [
    "self.spec.url.matches(r'^(https?://|file:///.)')",
    'must be http://host/path, https://host/path or file:///path, with the scheme in lower case',
  ],
  [
    "!self.spec.url.matches(r'[[:cntrl:] ]')",
    'must have no blanks, line ends or control characters: a blank in a path is written %20',
  ],
  [
    "self.spec.url.matches(r'^[[:ascii:]]*$')",
    "must be in ASCII: write other letters of a path in per cent, as %C3%A9 for 'é', and a host name in its xn-- form",
  ],
  [
    "self.spec.url.matches(r'^(https?://[^/?#]+/|file:)')",
    'must be http://host/path or https://host/path: the host or the path is missing',
  ],
  [
    `self.spec.url.matches(r'^(https?://${HOST}(:[^/]*)?/|file:)')`,
    "must name a host by letters, digits, '-' and '.', with a letter or digit at both ends (a '_' is not allowed), or an IPv6 address in brackets",
  ],
  [
    `self.spec.url.matches(r'^(https?://${HOST}(:[0-9]{1,5})?/|file:)') && (!self.spec.url.startsWith('http') || !isURL(self.spec.url) || url(self.spec.url).getPort() == '' || int(url(self.spec.url).getPort()) <= 65535)`,
    'must have a port of at most 65535, as in https://host:8443/path',
  ],
  [
    "!self.spec.url.startsWith('file:') || !self.spec.url.matches('(?i)/([.]|%2e){1,2}(/|$)|%(2f|00|[^0-9a-f]|.[^0-9a-f]|.?$)')",
    "must be a plain path: no '.', '..' or %2F in it",
  ],
]

/**
 * These rules are on the whole object. For a rule on a field, the API server repeats the field's value in answers and
 * logs, and a URL may contain a password.
 */
const urlRules: Rule[] = [
  ...urlConditions.map(([holds, message], i) => ({
    rule: [...urlConditions.slice(0, i).map(([earlier]) => `!(${earlier})`), `(${holds})`].join(' || '),
    message: `spec.url ${message}`,
    fieldPath: '.spec.url',
  })),
  {
    rule: 'self.spec.url == oldSelf.spec.url',
    message: 'url cannot change; delete the object and create it anew',
    fieldPath: '.spec.url',
  },
  {
    rule: "!has(self.spec.credentialsSecret) || self.spec.url.startsWith('https://')",
    message:
      'spec.credentialsSecret needs a URL with https://: over any other the credentials could be read on the way',
    fieldPath: '.spec.credentialsSecret',
  },
]

const yesNo = ['yes', 'no', 'true', 'false']
/** The values that Glance's clients write for image properties that Nova reads as booleans. */
const booleans = [...yesNo, 'Yes', 'No', 'True', 'False', 'on', 'off', '1', '0']
const propertyValues: Record<string, readonly string[]> = {
  hw_disk_bus: ['virtio', 'scsi', 'sata', 'ide', 'usb'],
  hw_cdrom_bus: ['virtio', 'scsi', 'sata', 'ide', 'usb'],
  hw_vif_model: ['virtio', 'e1000', 'e1000e', 'rtl8139', 'ne2k_pci', 'pcnet'],
  hw_firmware_type: ['bios', 'uefi'],
  hw_qemu_guest_agent: yesNo,
  hw_time_hpet: yesNo,
  hw_rng_model: ['virtio'],
  hw_watchdog_action: ['disabled', 'reset', 'poweroff', 'pause', 'none'],
  hw_video_model: ['vga', 'virtio', 'cirrus', 'qxl', 'none', 'bochs'],
  hw_input_bus: ['usb', 'virtio'],
  hw_vm_mode: ['hvm'],
  hw_tpm_version: ['1.2', '2.0'],
  hw_tpm_model: ['tpm-tis', 'tpm-crb'],
  hw_mem_encryption: booleans,
  hw_ephemeral_encryption: booleans,
  hw_virtio_packed_ring: booleans,
  hw_firmware_stateless: booleans,
  os_secure_boot: ['required', 'optional', 'disabled'],
  os_type: ['linux', 'windows'],
}

const topologyRule = (part: 'sockets' | 'cores' | 'threads'): Rule => {
  const isNumber = (name: string) => `'${name}' in self && self['${name}'].matches('^[0-9]{1,5}$')`
  const [wanted, max] = [`hw_cpu_${part}`, `hw_cpu_max_${part}`]
  return {
    rule: `!(${isNumber(wanted)} && ${isNumber(max)}) || int(self['${wanted}']) <= int(self['${max}'])`,
    message: `${wanted} must not be greater than ${max}`,
  }
}

const propertyRules: Rule[] = [
  ...Object.entries(propertyValues).map(([name, values]) => ({
    rule: `!('${name}' in self) || self['${name}'] in [${values.map((v) => `'${v}'`).join(', ')}]`,
    message: `${name} must be one of ${values.join(', ')}`,
  })),
  {
    rule: "['hw_cpu_sockets', 'hw_cpu_cores', 'hw_cpu_threads', 'hw_cpu_max_sockets', 'hw_cpu_max_cores', 'hw_cpu_max_threads'].all(k, !(k in self) || self[k].matches('^[1-9][0-9]{0,4}$'))",
    message: 'hw_cpu_sockets, hw_cpu_cores, hw_cpu_threads and hw_cpu_max_… must be whole numbers from 1 to 99999',
  },
  topologyRule('sockets'),
  topologyRule('cores'),
  topologyRule('threads'),
  {
    rule: "self.all(k, !k.startsWith('trait:') || self[k] == 'required')",
    message: 'trait:… must be required',
  },
  {
    rule: "!('img_hv_requested_version' in self) || self['img_hv_requested_version'].matches(r'^( *(<=|>=|==|!=|<|>) *[0-9]+([.][0-9]+){0,2} *(,|$))+$')",
    message: 'img_hv_requested_version must be like >=6.0,<8.2',
  },
]

const format = Type.Enum([...diskFormats], { description: 'Format of the file at the URL.', default: 'qcow2' })

/** The controller copies these fields into the status of a Server when it places the Server. */
export const ImageSource = {
  url: Type.String({ maxLength: 2048 }),
  checksum: Type.Optional(Type.String({ maxLength: 135 })),
  format,
  properties: Type.Optional(StatusPairs("Glance's image properties.")),
}

const uuid = Type.String({
  description:
    'UUID of the image in Glance. Default: metadata.uid. Set it to keep the UUID of an image that comes from another cloud.',
  maxLength: 36,
  ...patternWithMessage(
    '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
    'must be a UUID in lower case, such as 7c1f0a6e-58a4-4c3f-9d0a-0d8d9f6a3b21',
  ),
  ...immutableRule('uuid'),
})

export const ImageSpec = Type.Object(
  {
    uuid: Type.Optional(uuid),
    url: Type.String({
      description: 'http, https, or file (a path on the hosts; a host without the file rejects the server).',
      maxLength: 2048,
    }),
    checksum: Type.Optional(
      Type.String({
        description:
          'sha256:<64 hex digits> or sha512:<128 hex digits> of the bytes at the URL. Verified before the first use.',
        maxLength: 135,
        ...patternWithMessage(
          '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$',
          'must be sha256: and 64 hexadecimal digits, or sha512: and 128, in lower case',
        ),
      }),
    ),
    format: { ...format, ...immutableRule('format') },
    credentialsSecret: Type.Optional(
      Type.Object(
        { name: Name('Name of the Secret, in the namespace of the Image.') },
        {
          description: `A Secret of the type ${CREDENTIALS_SECRET_TYPE} with what the host of the URL asks for: its key host names that host, and username and password, or token, are sent to it.`,
        },
      ),
    ),
    minDisk: Type.Integer({ minimum: 0, maximum: 1_048_576, default: 0, description: 'Smallest root disk, GiB.' }),
    minRam: Type.Integer({ minimum: 0, maximum: 67_108_864, default: 0, description: 'Least memory, MiB.' }),
    visibility: Type.Enum(['private', 'public'], {
      default: 'private',
      description: 'private: for servers of its namespace; public: for servers of every namespace.',
    }),
    properties: Type.Optional(
      Pairs(
        "Glance's image properties: hw_disk_bus, hw_vif_model, hw_firmware_type, hw_machine_type, hw_qemu_guest_agent, …",
        ...propertyRules,
      ),
    ),
  },
  celRules(settableOnlyAtCreate('uuid'), {
    rule: 'has(self.checksum) == has(oldSelf.checksum) && (!has(self.checksum) || self.checksum == oldSelf.checksum)',
    message: 'checksum cannot change; create another Image',
  }),
)

export const ImageStatus = Type.Object({ ...CommonStatus })

export const image = defineKind({
  kind: 'Image',
  plural: 'images',
  shortNames: ['img'],
  scope: 'Namespaced',
  description: 'A disk that servers boot from. Each host fetches it once, verifies it, and keeps it in a cache.',
  spec: ImageSpec,
  status: ImageStatus,
  rules: urlRules,
  columns: [
    { name: 'Format', type: 'string', jsonPath: '.spec.format' },
    { name: 'MinDisk', type: 'integer', jsonPath: '.spec.minDisk', description: 'GiB' },
    { name: 'MinRAM', type: 'integer', jsonPath: '.spec.minRam', description: 'MiB' },
    { name: 'Visibility', type: 'string', jsonPath: '.spec.visibility' },
    readyColumn,
    { name: 'URL', type: 'string', jsonPath: '.spec.url', priority: 1 },
    { name: 'Checksum', type: 'string', jsonPath: '.spec.checksum', priority: 1 },
    reasonColumn,
    ageColumn,
  ],
})
export type Image = Resource<typeof image>
