// What fetching and serving may take and take, as the local API tells it: a part of GET /v1/status. Null as a limit: there is none.

/** Bytes a second. */
export interface RateJson {
  limit: number | null
  /** Over the last five to ten seconds. */
  now: number
}

export interface BudgetsJson {
  /** Whether what goes over the LAN counts in all of these; else only what goes to other sites. */
  lan: boolean
  upload: RateJson
  /** To one member; bytes a second. */
  each: number | null
  download: RateJson
  month: {
    /** `2026-11`; null while no clock was believed. */
    month: string | null
    /** Bytes; `used` is `up` and `down` together. */
    limit: number | null
    used: number
    up: number
    down: number
    left: number | null
    /** Until the next one, by a clock that is believed or else by the uptime; ms. */
    remainingMs: number
  }
  hours: {
    /** `22:00-06:00`; none: always. */
    windows: string[]
    /** Null: the clock is not synchronised, so the hour is not known. */
    open: boolean | null
    /** When that changes: local time, and in how many ms; null: never, or not known. */
    turns: { at: string; inMs: number } | null
  }
  heat: {
    /** Degrees Celsius; null: never too hot. */
    limit: number | null
    /** Of the last sample; null: not measured. */
    celsius: number | null
    /** Whether the firmware throttled because of heat then; null: not measured. */
    throttled: boolean | null
  }
  /** Why nothing goes to or comes from other sites; null when it does. */
  paused: {
    /** month, hours, clock (the hour is not known), hot or throttled. */
    reason: string
    detail: string
    ageMs: number
    /** In how many ms it goes on; null: not known. */
    resumesInMs: number | null
    /** Nor over the LAN. */
    lan: boolean
  } | null
  /** What is forwarded for others, which none of the above counts: bytes a second, bytes in 30 days, and what it came to since start. */
  relay: { offers: string; rate: number; monthly: number; bytes: number; refused: number }
}
