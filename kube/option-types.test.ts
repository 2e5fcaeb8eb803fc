import { Type } from 'typebox'
import { expect, it } from 'vitest'
import { AbsolutePath, HttpUrl, NamespaceName, ProxyUrl } from './option-types.ts'
import { parseOptions, UsageError } from './options.ts'

const schema = Type.Object({
  url: Type.Optional(HttpUrl({})),
  proxy: Type.Optional(ProxyUrl({})),
  file: Type.Optional(AbsolutePath({})),
  namespace: Type.Optional(NamespaceName()),
})
const parse = (flag: string): object => parseOptions(schema, { args: [flag], env: {}, prefix: 'KUBENOVA' })

it.each([
  '--url=https://cloud.example.com',
  '--url=http://10.96.0.20:8774/nova/',
  '--url=http://[fd00::1]:8774',
  '--url=http://kubenova-api-shim.kubenova-system.svc.cluster.local.:8774',
  '--proxy=http://proxy.example.org:3128',
  '--proxy=https://me:s3cr3t@[fd00::1]:3128/',
  '--file=/etc/kubenova/ca.pem',
  '--namespace=a',
  `--namespace=${'a'.repeat(63)}`,
])('parseOptions() takes %s', (flag) => {
  expect(Object.values(parse(flag))).toEqual([flag.slice(flag.indexOf('=') + 1)])
})

it.each([
  ['--url=cloud', 'url', 'an http or https URL without a query, such as https://cloud.example.com'],
  ['--url=ftp://cloud', 'url', 'an http or https URL without a query'],
  ['--url=http://', 'url', 'an http or https URL without a query'],
  ['--url=http://cloud:port', 'url', 'an http or https URL without a query'],
  ['--url=http://a b', 'url', 'an http or https URL without a query'],
  ['--url=http://cloud/?a', 'url', 'an http or https URL without a query'],
  ['--url=', 'url', 'an http or https URL without a query'],
  ['--proxy=me:s3cr3t@proxy:3128', 'proxy', 'the URL of a proxy, such as http://proxy.example.org:3128'],
  ['--proxy=http://proxy/path', 'proxy', 'the URL of a proxy'],
  ['--file=ca.pem', 'file', 'an absolute path, such as /etc/kubenova/file'],
  ['--namespace=Bad_Name', 'namespace', 'the name of a namespace'],
  [`--namespace=${'a'.repeat(64)}`, 'namespace', 'the name of a namespace'],
])('parseOptions() refuses %s without repeating it', (flag, name, mustBe) => {
  const refusal = `--${name} (or KUBENOVA_${name.toUpperCase()}) must be ${mustBe}`
  expect(() => parse(flag)).toThrow(UsageError)
  expect(() => parse(flag)).toThrow(refusal)
  expect(() => parse(flag)).not.toThrow('s3cr3t')
})
