/** Image: where a bootable disk comes from, how to trust it, and what it needs. */
import { Type } from 'typebox'
import { ageColumn, CommonStatus, immutable, kind, type Resource, readyColumn, reasonColumn } from '../schema.ts'

export const diskFormats = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx'] as const

/** What a host needs to fetch and trust an image: copied into a Server when it is placed. */
export const ImageSource = {
  url: Type.String({
    description: 'http, https, or file (a path on every host).',
    maxLength: 2048,
    pattern: '^(https?://[^/\\s]+/\\S*|file:///\\S+)$',
  }),
  checksum: Type.Optional(
    Type.String({
      description:
        'sha256:<64 hex digits> or sha512:<128 hex digits> of the bytes at the URL. Verified before the first use.',
      pattern: '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$',
    }),
  ),
  format: Type.Enum([...diskFormats], { description: 'Format of the file at the URL.', default: 'qcow2' }),
  properties: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 255 }), {
      description:
        "Glance's image properties: hw_disk_bus, hw_vif_model, hw_firmware_type, hw_machine_type, hw_qemu_guest_agent, …",
      maxProperties: 128,
    }),
  ),
}

const propertyValues: Record<string, readonly string[]> = {
  hw_disk_bus: ['virtio', 'scsi', 'sata', 'ide', 'usb'],
  hw_vif_model: ['virtio', 'e1000', 'e1000e', 'rtl8139', 'ne2k_pci', 'pcnet'],
  hw_firmware_type: ['bios', 'uefi'],
  hw_qemu_guest_agent: ['yes', 'no', 'true', 'false'],
  hw_rng_model: ['virtio'],
  hw_watchdog_action: ['disabled', 'reset', 'poweroff', 'pause', 'none'],
  hw_video_model: ['vga', 'virtio', 'cirrus', 'qxl', 'none', 'bochs'],
  os_type: ['linux', 'windows'],
}

const propertyRules = Object.entries(propertyValues).map(([name, values]) => ({
  rule: `!has(self.properties) || !('${name}' in self.properties) || self.properties['${name}'] in [${values.map((v) => `'${v}'`).join(', ')}]`,
  message: `properties.${name} must be one of ${values.join(', ')}`,
}))

export const ImageSpec = Type.Object(
  {
    url: { ...ImageSource.url, ...immutable('url') },
    checksum: ImageSource.checksum,
    format: { ...ImageSource.format, ...immutable('format') },
    minDisk: Type.Integer({ minimum: 0, maximum: 1_048_576, default: 0, description: 'Smallest root disk, GiB.' }),
    minRam: Type.Integer({ minimum: 0, maximum: 67_108_864, default: 0, description: 'Least memory, MiB.' }),
    visibility: Type.Enum(['private', 'public'], {
      default: 'private',
      description: 'private: for servers of its namespace; public: for servers of every namespace.',
    }),
    properties: ImageSource.properties,
  },
  {
    'x-kubernetes-validations': [
      {
        rule: 'has(self.checksum) == has(oldSelf.checksum) && (!has(self.checksum) || self.checksum == oldSelf.checksum)',
        message: 'checksum cannot change; create another Image',
      },
      ...propertyRules,
    ],
  },
)

export const ImageStatus = Type.Object({ ...CommonStatus })

export const image = kind({
  kind: 'Image',
  plural: 'images',
  shortNames: ['img'],
  scope: 'Namespaced',
  description: 'A disk that servers boot from. Each host fetches it once, verifies it, and keeps it in a cache.',
  spec: ImageSpec,
  status: ImageStatus,
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
