export const imageNames = ['controller', 'agent'] as const
export type ImageName = (typeof imageNames)[number]

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export const ownArchitecture = (): Architecture => (process.arch === 'arm64' ? 'arm64' : 'amd64')
