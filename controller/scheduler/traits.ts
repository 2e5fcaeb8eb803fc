/**
 * The traits of a host, under their names in the library os-traits: HW_CPU_X86_<FEATURE>, from the CPU features that
 * libvirt reports.
 */

const osTraitsSpelling: Readonly<Record<string, string>> = {
  pni: 'SSE3',
  'sse4.1': 'SSE41',
  'sse4.2': 'SSE42',
  'sha-ni': 'SHA',
  xop: 'XOP',
  lm: 'LM',
  vmx: 'VMX',
  svm: 'SVM',
  pclmuldq: 'CLMUL',
  aes: 'AESNI',
  rdrand: 'RDRAND',
}

export function traitsFromCpuFeatures(features: readonly string[]): ReadonlySet<string> {
  const traits = new Set<string>()
  for (const feature of features) {
    const word = osTraitsSpelling[feature] ?? feature.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
    traits.add(`HW_CPU_X86_${word}`)
  }
  return traits
}
