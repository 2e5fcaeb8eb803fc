/** Builds the addresses that stand in answers. Pure. */

export interface Link {
  rel: string
  href: string
}

export class Links {
  /** The root of the service: `https://host/compute`. */
  readonly root: string
  /** The version with the project, if the client's path has one: `/v2.1` or `/v2.1/<project>`. */
  readonly #versionPath: string
  readonly #projectPath: string

  /** @param project the project in the path of the request; undefined if the path has none */
  constructor(root: string, version: string, project: string | undefined) {
    this.root = root
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
