// Builds, without a registry, an image with only busybox. It serves for idle Pods, and for the sandboxes ("pause"
// containers) of all Pods.
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { markEnv, runCommand } from '../process.ts'

export const IDLE_IMAGE = 'kubenova.io/rig/idle:1'

/**
 * Returns the path of an archive with the image, in the format of `docker save`. The image gives its containers the
 * environment variables of markEnv(dir, owned).
 */
export async function buildIdleImage(dir: string, owned: boolean): Promise<string> {
  const folder = join(dir, 'image')
  mkdirSync(join(folder, 'root/bin'), { recursive: true })
  cpSync('/bin/busybox', join(folder, 'root/bin/busybox'))
  const tar = ['tar', '--create', '--file']
  await runCommand([...tar, join(folder, 'layer.tar'), '--directory', join(folder, 'root'), '.'])
  const layer = createHash('sha256')
    .update(readFileSync(join(folder, 'layer.tar')))
    .digest('hex')
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      Entrypoint: ['/bin/busybox', 'tail', '-f', '/dev/null'],
      Env: Object.entries(markEnv(dir, owned)).map(([name, value]) => `${name}=${value}`),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
  }
  const manifest = [{ Config: 'config.json', RepoTags: [IDLE_IMAGE], Layers: ['layer.tar'] }]
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  const archive = join(dir, 'image.tar')
  await runCommand([...tar, archive, '--directory', folder, 'manifest.json', 'config.json', 'layer.tar'])
  return archive
}
