// What is measured of one transfer, whoever made it.

/** The clock runs from when the senders' offer is known until the last receiver is done. CPU is of all processes together. */
export interface Transfer {
  /** Moment of performance.now(). */
  began: number
  /** Until the last receiver has all pieces, verified. */
  seconds: number
  cpuSeconds: number
  /** The same from the first start of a process or, where daemons run already, of the command that publishes; their CPU since then. */
  wholeSeconds: number
  wholeCpuSeconds: number
  /** Until the last receiver has it installed; null for who installs nothing. */
  installedSeconds: number | null
  installedCpuSeconds: number | null
  /** Highest resident memory since the process began. */
  senderPeakRssBytes: number
  receiverPeakRssBytes: readonly number[]
}
