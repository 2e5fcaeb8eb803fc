/**
 * Others make typed models and validators of our CRDs with @kubernetes-models/crd-generate. Theirs are held against
 * ours: the types by tsc, the validators by examples/ and by the bad objects that need no CEL. So the YAML is proven
 * by a second reader.
 */
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kinds } from '../hack/generate/kinds.ts'
import { badObjects } from '../test/bad-objects.ts'
import { exampleFiles, isOurs, type Manifest, objectsIn, root } from '../test/manifests.ts'

const run = promisify(execFile)
const bin = (name: string): string => join(root, 'node_modules/.bin', name)

// Below the repository: the models import packages of node_modules.
const artefacts = join(root, 'test/artefacts')
let dir: string

beforeAll(async () => {
  mkdirSync(artefacts, { recursive: true })
  dir = mkdtempSync(join(artefacts, 'models-'))
  const inputs = globSync('*.yaml', { cwd: join(root, 'crds/manifests') }).flatMap((file) => [
    '--input',
    join(root, 'crds/manifests', file),
  ])
  await run(process.execPath, [bin('crd-generate'), ...inputs, '--output', dir])
}, 60_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/**
 * Ours are objects as they are read: with every default filled in. So ours must be theirs; and theirs, with what has
 * a default made required, must be ours. ServerAction's members are not in our static type: only what is common is
 * compared.
 */
const assertions = `
import type { ${kinds.map(({ kind }) => kind).join(', ')} } from '../../../crds/index.ts'
import type { ${kinds.map(({ kind }) => `I${kind}`).join(', ')} } from './compute.kubenova.io/v1alpha1/index'

// What may hold anything is \`object\` to them.
type Filled<T, Ours> = Record<string, unknown> extends Ours ? Ours : T extends readonly (infer E)[]
  ? Ours extends readonly (infer O)[] ? Filled<E, O>[] : T
  : T extends object
    ? { [K in keyof T as K extends keyof Ours ? ({} extends Pick<Ours, K> ? K : never) : K]: K extends keyof Ours ? Filled<T[K], Ours[K]> : T[K] } &
      { [K in keyof T as K extends keyof Ours ? ({} extends Pick<Ours, K> ? never : K) : never]-?: K extends keyof Ours ? Filled<Exclude<T[K], undefined>, Ours[K]> : never }
    : T

function same<Ours, Theirs>(_: [Ours] extends [Theirs] ? ([Filled<Theirs, Ours>] extends [Ours] ? true : 'theirs is not ours') : 'ours is not theirs') {}

${kinds
  .filter(({ kind }) => kind !== 'ServerAction')
  .flatMap(({ kind }) => [
    `same<${kind}['spec'], I${kind}['spec']>(true)`,
    `same<NonNullable<${kind}['status']>, NonNullable<I${kind}['status']>>(true)`,
  ])
  .join('\n')}
same<Pick<ServerAction['spec'], 'server' | 'requestId' | 'user' | 'project'>, Pick<IServerAction['spec'], 'server' | 'requestId' | 'user' | 'project'>>(true)
same<NonNullable<ServerAction['status']>, NonNullable<IServerAction['status']>>(true)
`

/** The output of tsc for `text` beside the models. */
async function compile(text: string): Promise<string> {
  const file = join(dir, 'assertions.ts')
  writeFileSync(file, text)
  const config = {
    compilerOptions: {
      strict: true,
      noEmit: true,
      module: 'esnext',
      moduleResolution: 'bundler',
      target: 'es2024',
      allowImportingTsExtensions: true,
      // As in their templates.
      useDefineForClassFields: false,
      skipLibCheck: true,
      types: [],
    },
    files: ['assertions.ts', 'index.ts'],
  }
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config))
  return run(process.execPath, [bin('tsc'), '-p', dir]).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
}

it('their types are ours', { timeout: 60_000 }, async () => {
  expect(await compile(assertions)).toBe('')
})

it('the comparison sees a difference', { timeout: 60_000 }, async () => {
  const wrong = assertions.replace("same<Flavor['spec'],", "same<Omit<Flavor['spec'], 'ram'> & { ram: string },")
  expect(await compile(wrong)).toContain('ours is not theirs')
  const lacking = assertions.replace("same<Server['spec'],", "same<Server['spec'] & { more: string },")
  expect(await compile(lacking)).toContain('theirs is not ours')
})

type Validate = ((data: unknown) => boolean) & { errors?: unknown }

async function problems(object: Manifest): Promise<unknown> {
  const file = join(dir, `_schemas/ComputeKubenovaIoV1alpha1${object.kind}.js`)
  const { validate } = (await import(file)) as { validate: Validate }
  return validate(object) ? undefined : (validate.errors ?? 'refused')
}

it('their validators take every example', async () => {
  for (const file of exampleFiles()) {
    const objects = objectsIn(readFileSync(join(root, 'examples', file), 'utf8')).filter(isOurs)
    for (const object of objects) expect(await problems(object), file).toBeUndefined()
  }
})

it('their validators refuse the bad objects that the schema refuses', async () => {
  // They take fields that they do not know.
  const bad = badObjects.filter(({ by, says }) => by === 'schema' && !says.startsWith('unknown field'))
  expect(bad.length).toBeGreaterThan(40)
  const taken: string[] = []
  for (const { object, title } of bad) if ((await problems(object)) === undefined) taken.push(title)
  expect(taken).toEqual([])
})
