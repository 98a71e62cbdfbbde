// A failure that is expected: a stable code, one sentence for a person, and the exit code of the command that met it.
// Any folder may import this file. docs/errors.md is checked against the table.

/** code -> exit status of a command (1 failed, 2 usage). */
export const failureCodes = {
  E_USAGE: 2,
  E_NODE_OLD: 2,
  E_CONFIG: 2,
  E_CONFIG_KEY: 2,
  E_ZONE: 2,
  E_LABEL: 2,
  E_DOCUMENT: 1,
  E_TOKEN_DAMAGED: 1,
  E_TOKEN_EXPIRED: 1,
  E_TOKEN_FOREIGN: 1,
  E_TOKEN_USED: 1,
  E_ROOT_OLD: 1,
  E_ROOT_INVALID: 1,
  E_TARGETS: 1,
  E_ROLE: 1,
  E_NO_MEMBER: 1,
  E_REFUSED: 1,
  E_RELAY_FULL: 1,
  E_JOINED: 1,
  E_NOT_JOINED: 1,
  E_NO_MESH: 1,
  E_MESH_EXISTS: 1,
  E_NO_ADDRESS: 2,
  E_PORT_TAKEN: 1,
  E_PORT_DENIED: 1,
  E_DATA_OPEN: 1,
  E_DATA_WRITE: 1,
  E_STATE: 1,
  E_NO_DAEMON: 1,
  E_UNKNOWN_NODE: 1,
  E_HISTORY: 1,
  E_PROTOCOL: 1,
  E_ARTIFACT: 1,
  E_ARTIFACT_CHANGED: 1,
  E_SELECTOR: 2,
  E_METRIC: 2,
  E_QUERY: 2,
  E_KEY: 1,
  E_PASSPHRASE: 1,
  E_PATH: 1,
  E_COUNTER: 1,
  E_ANNOUNCEMENT: 1,
  E_STATEMENT: 1,
  E_REQUEST: 1,
  E_SIGNATURES: 1,
  E_DISK_FULL: 1,
  E_BUDGET: 1,
  E_DEMO: 1,
  E_INTERNAL: 1,
} as const

export type FailureCode = keyof typeof failureCodes

/** An expected failure. `message` says what is wrong, where, and what to do; it is shown to people as it is. */
export class Failure extends Error {
  readonly code: FailureCode
  /** Where in what the person wrote, counted in characters from 1. */
  readonly position: number | undefined
  constructor(code: FailureCode, message: string, options?: { cause?: unknown; position?: number | undefined }) {
    super(message, options)
    this.name = 'Failure'
    this.code = code
    this.position = options?.position
  }
  get exit(): number {
    return failureCodes[this.code]
  }
}
