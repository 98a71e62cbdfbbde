// What the commands that run a daemon need of it. Types only: main.ts injects the daemon's code when such a command runs, so
// that the other commands load no network code. src/daemon/commands.ts has these functions.

export interface Notices {
  /** Tells a person what is being done: one line without a line end, shown on stderr. */
  notice: (line: string) => void
}

export interface JoinOptions extends Notices {
  data: string
  /** The token's text, trimmed. */
  token: string
  /** What people will call the node; the host name when undefined. */
  name: string | undefined
  /** undefined: any seat that is free. */
  seat: number | undefined
}

export interface JoinResult {
  node: string
  name: string
  /** Leaf zone; `/` for an operator's peer. */
  zone: string
  mesh: string
  seat: number
  /** The first node of the mesh: no member was met. */
  founding: boolean
}

export interface RunOptions extends Notices {
  data: string
  /** Configuration file; undefined: the defaults, or the one in the data folder. */
  config: string | undefined
  /** Version of this program, for the status. */
  version: string
  /** Aborted when a person, the system or the end of the lifeline asks to stop: say goodbye and resolve. */
  signal: AbortSignal
}

/** Every function rejects with a Failure when something expected is wrong. */
export interface DaemonCommands {
  /** Joins a mesh; writes the data folder whole or leaves it as it was. */
  join(options: JoinOptions): Promise<JoinResult>
  /** Runs the daemon in the foreground until it was stopped, by the signal or through the API. */
  up(options: RunOptions): Promise<void>
  /** The same for an operator's peer; E_NOT_JOINED when the membership is a node's. */
  attach(options: RunOptions): Promise<void>
  /** Removes the membership from a data folder that no daemon has open: E_DATA_OPEN, E_NOT_JOINED. */
  leave(options: { data: string }): Promise<void>
  /** What the data folder says when no daemon runs: E_NOT_JOINED, E_STATE. */
  inspect(options: { data: string }): Promise<JoinResult & { membershipExpires: string }>
}

export type Launch = () => Promise<DaemonCommands>
