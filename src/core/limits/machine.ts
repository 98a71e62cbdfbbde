// Bounds of one room, in ../limits.ts with all others. What a node does on its own machine: installing, its state, its local API and what it measures.
import { HOUR, MINUTE, SECOND } from './units.ts'

export const machineLimits = {
  // Install ----------------------------------------------------------------------------------------------------------
  /** Install states in a record: 11 bytes each. */
  recordInstalls: 4,
  /** Releases of one path that failed here and are remembered. */
  failedReleases: 16,
  /** Versions of a path kept on disk: the one in use and the one before it. */
  versionsKept: 2,
  /** How often an installation looks how its download fares: to say who has what, every peer is looked at. */
  progressLook: 1 * SECOND,
  /** Journals kept: the paths of all roles. */
  installPaths: 256,

  // State ------------------------------------------------------------------------------------------------------------
  /** The view is written in batches this far apart: 25 rows every 10 minutes are 1.5 MB/day, of a budget of 10. */
  viewFlushPeriod: 10 * MINUTE,
  /** Events and alerts kept in memory. */
  events: 256,
  /** Alerts kept: one kind for each node of two cells. */
  alerts: 64,
  /** Incarnations a node may jump over within one run when it hears a higher one of itself; a clone makes it hear more. */
  incarnationJumps: 3,
  /** Incarnations are numbers of 31 bits, as versions are everywhere in pimesh: enough for a restart a second for 68 years. */
  incarnationMax: 2 ** 31 - 1,

  // Local API --------------------------------------------------------------------------------------------------------
  /** Path of a unix socket in Linux: 108 bytes with the closing zero. */
  apiPathBytes: 107,
  /** Request line and headers: ours have 200 bytes, a query for 64 zones 4 kB. */
  apiHeaderBytes: 8_192,
  /** Most requests carry no body; whoever sends one is refused after this much. */
  apiBodyBytes: 1_024,
  /** A submission: an announcement and a targets document of the largest size, as texts in JSON, which may double them. */
  apiSubmitBytes: 263_168,
  /** Roots that are handed in: a hundred of them, of the usual 2 kB, or a few of the largest. */
  apiRootsBytes: 1_048_576,
  /** An upload of which no byte moved for so long is given up: a slow card may take its time, a stuck client may not stay. */
  apiUploadStall: 60 * SECOND,
  /** Screens and scripts open at once on one machine. */
  apiConnections: 32,
  /** A request must have arrived within this time: a stuck client may not hold a connection for ever. */
  apiRequestTimeout: 10 * SECOND,
  /** The longest deadline a query may ask for. */
  apiQueryTimeoutMax: 60 * SECOND,
  /** Zones one question may name. */
  apiZones: 64,
  /** Figures one question of `pimesh query` may ask for: as many as fit a screen. */
  queryAggregates: 8,
  /** Columns one question may name. */
  apiColumns: 64,
  /** Rows that one question may be about: a million nodes are the horizon. */
  apiRowsMax: 1_000_000,
  /** Rows in one page where a command takes all of them: about 1 MB of JSON, which is made in 20 ms on a desktop. */
  apiPageRows: 500,
  /** Rows that are judged or ordered before the loop gets its turn: some 10 ms on a Pi 4. */
  apiRowsAtOnce: 250,
  /** Answers kept for their further pages; the oldest goes first. One of 10,000 rows holds some 10 MB. */
  apiAnswersKept: 4,
  /** How long an answer is kept after its last page was asked for: a person who looks at one page and goes on. */
  apiAnswerKept: MINUTE,
  /** What a client reads at most: 10,000 nodes of 3 kB. */
  apiAnswerBytes: 32 * 1_048_576,
  /** Answers under way when the daemon stops get this long. */
  apiCloseTimeout: 1 * SECOND,

  // Commands ---------------------------------------------------------------------------------------------------------
  /** A daemon that was told to stop ends by itself within this time, or is ended. */
  stopTimeout: 10 * SECOND,

  // Probe ------------------------------------------------------------------------------------------------------------
  /** The under-voltage alarm holds the last 2 s (raspberrypi-hwmon.c): looked at a little more often, no dip falls between. */
  undervoltagePeriod: 1_900,
  /** Programs the probe runs, `vcgencmd get_throttled` and `systemctl show`: starting one costs more than a hundred reads of /proc. */
  throttledPeriod: 1 * MINUTE,
  /** Voltages, clock rates and rails, by up to five runs of `vcgencmd` of 5 to 10 ms each: 0.05 % of a core. */
  firmwarePeriod: 2 * MINUTE,
  /** Failed units, likewise: units fail rarely, and asking systemd costs more. */
  failedUnitsPeriod: 5 * MINUTE,
  /** A program that hangs is ended after this: its answer takes milliseconds. */
  commandTimeout: 5 * SECOND,
  /** What such a program may print: its answer is one number. */
  commandOutputBytes: 4_096,
  /** An answer of theirs is shown for this many periods: two failures in a row are bridged. */
  commandBelievedPeriods: 3,
  /** How often sensors are looked for that a driver may have brought since. */
  sensorSearchPeriod: 5 * MINUTE,
  /** A file system that does not say its free space in this time counts as unknown: samples go on beside a dying card. */
  freeSpaceTimeout: 500,
  /** Entries of /sys/class/thermal and /sys/class/hwmon that are looked at; a server has about 20. */
  sensors: 64,
  /** A file of /proc or /sys; the longest, mountinfo on a container host, has about 60 kB. */
  sourceFileBytes: 262_144,
  /** Idle and iowait may step back by less than this without a reboot (as in node_exporter). */
  cpuTimeStepBack: 3 * SECOND,
  /** chrony and ntpd write their drift file about every hour while synchronised: two may be missed. */
  driftFileBelief: 3 * HOUR,
  /** Custom collectors of one kind; each costs a start of a program a minute, or a file that is looked at with every sample. */
  collectors: 32,
  /** What one may give: 500 series with long labels. More is cut off while it comes, so that no more than this is in memory. */
  collectorOutputBytes: 131_072,
  /** What one may say on its standard error output; its first line is shown when it fails. */
  collectorErrorBytes: 16_384,
  /** A line of the text format. */
  collectorLineLength: 2_048,
  /** Series of one collector: a board with a sensor on every pin has a tenth of it. */
  collectorSeries: 500,
  /** Series of all collectors together: each is a few bytes a minute in the history, and some 300 bytes in memory. */
  collectorSeriesAll: 1_000,
  /** A series' name; Prometheus' own have up to 80. */
  seriesNameLength: 128,
  /** Labels of a series: Prometheus' own have four or five. */
  seriesLabels: 8,
  /** A label's name, and its value. */
  seriesLabelLength: 128,
  /** The words of a HELP line that are kept. */
  helpLength: 256,
  /** A unit that a UNIT line gives. */
  unitLength: 16,
  /** How often a program of a collector is run unless the configuration says it. */
  collectorPeriod: 1 * MINUTE,
  /** The shortest that it may say: samples come no sooner. */
  collectorPeriodMin: 10 * SECOND,
  /** The longest: what is measured seldomer may come from a text file. */
  collectorPeriodMax: 24 * HOUR,
  /** One that has not ended by then is ended: reading a slow sensor takes a second or two. They run one at a time, so each may delay the others. */
  collectorTimeout: 10 * SECOND,
  /** The shortest that the configuration may say: starting an interpreter on a small board takes half of it. */
  collectorTimeoutMin: 1 * SECOND,
  /** The longest. */
  collectorTimeoutMax: 60 * SECOND,
  /** One that was cut off is run seldomer each time, down to once in so many periods, until its file changes: it costs its whole time limit. */
  collectorRestMax: 16,
  /** After a collector has ended, whoever still holds its output is not waited for any longer. */
  collectorDrain: 1 * SECOND,
  /** One that was killed and is still there waits for a device: the others go on without it. */
  collectorKillWait: 2 * SECOND,
  /** A text file that was not written for so long is stale: a job that runs once a day is the slowest that is usual. */
  textFileStale: 25 * HOUR,
  /** A fact about the machine, in characters: one line of a terminal. */
  factLength: 128,
} as const
