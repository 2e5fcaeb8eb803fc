/**
 * Checks that another program reads our CRDs as we do: @kubernetes-models/crd-generate makes TypeScript types and
 * validators from them. tsc compares the types with ours. The validators must accept examples/, and reject the objects
 * of crds/testdata/bad that break the schema without its CEL rules.
 */
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kinds } from '../hack/generate/kinds.ts'
import { badObjects } from '../test/bad-objects.ts'
import { exampleFiles, isKubenovaObject, type Manifest, parseManifests, root } from '../test/manifests.ts'

const run = promisify(execFile)
const binPath = (name: string): string => join(root, 'node_modules/.bin', name)

// The generated files import npm packages, so they must be inside the repository, where Node finds node_modules.
const artefacts = join(root, 'test/artefacts')
let dir: string

beforeAll(async () => {
  mkdirSync(artefacts, { recursive: true })
  dir = mkdtempSync(join(artefacts, 'models-'))
  const inputs = globSync('*.yaml', { cwd: join(root, 'crds/manifests') }).flatMap((file) => [
    '--input',
    join(root, 'crds/manifests', file),
  ])
  await run(process.execPath, [binPath('crd-generate'), ...inputs, '--output', dir])
}, 60_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/**
 * Our types describe objects with all defaults set, so a member with a default is required; crd-generate makes it
 * optional. The parameters of a ServerAction are not compared, because our type does not have them.
 */
const assertions = `
import type { ${kinds.map(({ kind }) => kind).join(', ')} } from '../../../crds/index.ts'
import type { ${kinds.map(({ kind }) => `I${kind}`).join(', ')} } from './compute.kubenova.io/v1alpha1/index'

// For a member that may hold any value, the generated type is \`object\`. Filled replaces it by our type.
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

async function typeCheck(text: string): Promise<string> {
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
      // The code of crd-generate needs this setting.
      useDefineForClassFields: false,
      skipLibCheck: true,
      types: [],
    },
    files: ['assertions.ts', 'index.ts'],
  }
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config))
  return run(process.execPath, [binPath('tsc'), '-p', dir]).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
}

it('the generated types equal ours', { timeout: 60_000 }, async () => {
  expect(await typeCheck(assertions)).toBe('')
})

it('the comparison of types finds a difference in either direction', { timeout: 60_000 }, async () => {
  const wrong = assertions.replace("same<Flavor['spec'],", "same<Omit<Flavor['spec'], 'ram'> & { ram: string },")
  expect(await typeCheck(wrong)).toContain('ours is not theirs')
  const lacking = assertions.replace("same<Server['spec'],", "same<Server['spec'] & { more: string },")
  expect(await typeCheck(lacking)).toContain('theirs is not ours')
})

type Validate = ((data: unknown) => boolean) & { errors?: unknown }

async function findModelProblems(object: Manifest): Promise<unknown> {
  const file = join(dir, `_schemas/ComputeKubenovaIoV1alpha1${object.kind}.js`)
  const { validate } = (await import(file)) as { validate: Validate }
  return validate(object) ? undefined : (validate.errors ?? 'refused')
}

it('the generated validators accept every example', async () => {
  for (const file of exampleFiles()) {
    const objects = parseManifests(readFileSync(join(root, 'examples', file), 'utf8')).filter(isKubenovaObject)
    for (const object of objects) expect(await findModelProblems(object), file).toBeUndefined()
  }
})

it('the generated validators reject the bad objects that the schema rejects', async () => {
  // The generated validators accept unknown fields.
  const bad = badObjects.filter(({ by, message }) => by === 'schema' && !message.startsWith('unknown field'))
  expect(bad.length).toBeGreaterThan(40)
  const accepted: string[] = []
  for (const { object, title } of bad) if ((await findModelProblems(object)) === undefined) accepted.push(title)
  expect(accepted).toEqual([])
})
