// How much memory this process takes while something happens in it: resident, or promised to buffers that nobody wrote yet.

/** How often it is looked at, in ms. */
const LOOK = 5

export interface Growth<T> {
  result: T
  /** The most bytes above those at the beginning. */
  bytes: number
}

/** Runs `work` and watches; what a peer's number made somebody allocate counts, even untouched. */
export async function growthOf<T>(work: () => Promise<T>): Promise<Growth<T>> {
  const before = process.memoryUsage()
  let bytes = 0
  const look = () => {
    const { rss, arrayBuffers } = process.memoryUsage()
    bytes = Math.max(bytes, rss - before.rss, arrayBuffers - before.arrayBuffers)
  }
  const timer = setInterval(look, LOOK)
  try {
    const result = await work()
    look()
    return { result, bytes }
  } finally {
    clearInterval(timer)
  }
}
