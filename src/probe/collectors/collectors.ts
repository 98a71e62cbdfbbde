// The custom collectors of this machine: files and programs, put together for each sample.
import type { CollectorTrouble, NamedValue } from '../../core/fleet/named-values.ts'
import type { CollectorReport } from '../../ports/probe.ts'
import type { Platform } from '../platform.ts'
import { combine, type Gathered } from './gathered.ts'
import { Programs, type ProgramsConfig } from './programs.ts'
import { TextFiles } from './text-files.ts'

export interface CollectorsConfig {
  /** Folder of text files; undefined: none are read. */
  textfiles?: string | undefined
  /** Undefined: none are run. */
  programs?: ProgramsConfig | undefined
  /** Names of series that pimesh gives itself. */
  isOurs: (name: string) => boolean
}

export class CustomCollectors {
  readonly #isOurs: (name: string) => boolean
  readonly #files: TextFiles | undefined
  readonly #programs: Programs | undefined

  constructor({ textfiles, programs, isOurs }: CollectorsConfig, platform: Platform) {
    this.#isOurs = isOurs
    this.#files = textfiles === undefined ? undefined : new TextFiles(textfiles, platform)
    this.#programs = programs && new Programs(programs, platform)
  }

  /** What they gave last; then looks for what has changed in the files. */
  sample(clockTrusted: boolean): { values: NamedValue[]; troubles: CollectorTrouble[] } {
    const combined = combine(this.#gathered(), this.#isOurs)
    this.#files?.look(clockTrusted)
    return combined
  }

  /** Each with what is taken of it. */
  reports(): CollectorReport[] {
    const all = this.#gathered()
    const troubles = new Map(combine(all, this.#isOurs).troubles.map((trouble) => [trouble.collector, trouble]))
    return all.map(({ collector, values }) => {
      const trouble = troubles.get(collector)
      const taken = trouble === undefined || trouble.code === 'stale' ? values.length : 0
      return { collector, series: taken, trouble }
    })
  }

  /** When each text file was written, in seconds since 1970. */
  written(): [name: string, seconds: number][] {
    return this.#files?.written() ?? []
  }

  /** What is under way when this is called is over. */
  async settled(): Promise<void> {
    await Promise.all([this.#files?.settled(), this.#programs?.settled()])
  }

  close(): void {
    this.#programs?.close()
  }

  #gathered(): Gathered[] {
    return [...(this.#files?.gathered() ?? []), ...(this.#programs?.gathered() ?? [])]
  }
}
