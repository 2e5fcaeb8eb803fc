// Types of options whose values have a form. The chart's schema of values has the same patterns, so only what both
// JavaScript and Go understand may be in them. `mustBe` ends the sentence with which a program refuses another value.
import { type TString, type TStringOptions, Type } from 'typebox'

const AUTHORITY = String.raw`([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?`

/** An address to which a program appends paths. */
export const HttpUrl = (options: TStringOptions): TString =>
  Type.String({
    ...options,
    pattern: String.raw`^https?://${AUTHORITY}(/[^\s?#]*)?$`,
    mustBe: 'an http or https URL without a query, such as https://cloud.example.com',
  })

/** May have a user and a password. */
export const ProxyUrl = (options: TStringOptions): TString =>
  Type.String({
    ...options,
    pattern: String.raw`^https?://([^\s/?#]+@)?${AUTHORITY}/?$`,
    mustBe: 'the URL of a proxy, such as http://proxy.example.org:3128',
  })

export const AbsolutePath = (options: TStringOptions): TString =>
  Type.String({ ...options, pattern: '^/', mustBe: 'an absolute path, such as /etc/kubenova/file' })

export const NamespaceName = (options: TStringOptions = {}): TString =>
  Type.String({
    ...options,
    pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$',
    mustBe: 'the name of a namespace: at most 63 lower-case letters, digits and hyphens',
  })
