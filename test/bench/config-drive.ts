/**
 * Compares the agent's own ISO 9660 writer with `xorriso -as mkisofs`, whose time includes the start of a process. The
 * two take turns, and each writes the same drive 50 times. Prints lines `name value unit`.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Guest } from '../../actions/host/index.ts'
import { makeInstance, makeVif } from '../../agent/domain/examples.ts'
import { buildIsoImage } from '../../agent/image/iso-image.ts'
import { buildMetadataFiles } from '../../agent/image/metadata.ts'
import { medianOf, printFigure } from './lib/figures.ts'

const ROUNDS = 50

const guest: Guest = {
  server: {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: { name: 'web-1', namespace: 'blue' },
    spec: {
      flavor: 'm1.small',
      configDrive: true,
      networks: [],
      powerState: 'Running',
      locked: false,
      userData: `#cloud-config\n${'# a line of user data\n'.repeat(50)}`,
    },
  },
  instance: { ...makeInstance(), interfaces: [makeVif(1)] },
}

const directory = mkdtempSync(join(tmpdir(), 'config-drive-'))
const buildFiles = () => buildMetadataFiles(guest, Buffer.alloc(512, 7))

function writeWithOwnCode(): void {
  writeFileSync(join(directory, 'own.iso'), buildIsoImage('config-2', buildFiles()))
}

/** As Nova does: writes all files to a folder, runs mkisofs on it, and removes it. */
function writeWithXorriso(): void {
  const folder = join(directory, 'files')
  for (const [path, data] of buildFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), data)
  }
  const args = ['-as', 'mkisofs', '-quiet', '-J', '-r', '-V', 'config-2', '-o', join(directory, 'xorriso.iso'), folder]
  execFileSync('xorriso', args, { stdio: 'pipe' })
  rmSync(folder, { recursive: true })
}

function timeWrite(write: () => void): number {
  const begin = performance.now()
  write()
  return performance.now() - begin
}

const times = { own: [] as number[], xorriso: [] as number[] }
try {
  for (let round = 0; round < ROUNDS; round++) {
    times.own.push(timeWrite(writeWithOwnCode))
    times.xorriso.push(timeWrite(writeWithXorriso))
  }
} finally {
  rmSync(directory, { recursive: true })
}
for (const [name, all] of Object.entries(times)) {
  printFigure(`config_drive.${name}.p50`, medianOf(all), 'ms')
  printFigure(`config_drive.${name}.max`, Math.max(...all), 'ms')
}
