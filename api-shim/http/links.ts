export interface Link {
  rel: string
  href: string
}

export interface LinkBase {
  /** The shim's address for this client, without a slash at the end. */
  address: string
  /** The path of the service: `/compute`. */
  service: string
  /** The version in the path: `/v2.1`. */
  version: string
  /** Undefined if the path of the request has no project. */
  project: string | undefined
}

export class Links {
  readonly address: string
  /** The root of the service: `https://host/compute`. */
  readonly root: string
  /** The version with the project, if the client's path has one: `/v2.1` or `/v2.1/<project>`. */
  readonly #versionPath: string
  readonly #projectPath: string

  constructor({ address, service, version, project }: LinkBase) {
    this.address = address
    this.root = `${address}${service}`
    this.#projectPath = project === undefined ? '' : `/${project}`
    this.#versionPath = `${version}${this.#projectPath}`
  }

  /** The address of a resource below the version: `self('servers', id)`. */
  self(...path: string[]): string {
    return `${this.root}${this.#versionPath}/${path.join('/')}`
  }

  /** The address without the version, which Nova calls bookmark. */
  bookmark(...path: string[]): string {
    return `${this.root}${this.#projectPath}/${path.join('/')}`
  }

  /** The two links that most resources have. */
  pair(...path: string[]): Link[] {
    return [
      { rel: 'self', href: this.self(...path) },
      { rel: 'bookmark', href: this.bookmark(...path) },
    ]
  }
}
