import { ownerElement } from '../../agent/domain/metadata.ts'
import { renderXml } from '../../agent/domain/render-xml.ts'
import type { Owner } from './contract-host.ts'

/** @param owner the Server that the domain's metadata names; undefined: none */
export const foreignDomainXml = (uuid: string, name: string, owner: Owner | undefined): string => `
<domain type="qemu">
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  ${owner ? `<metadata>${renderXml(ownerElement(owner))}</metadata>` : ''}
  <memory unit="MiB">16</memory>
  <vcpu>1</vcpu>
  <os><type arch="x86_64" machine="q35">hvm</type></os>
</domain>`
