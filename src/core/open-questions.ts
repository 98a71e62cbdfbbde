// Open questions: what people asked, and others are being asked about. Each is answered once, with what it has by then: when nothing more can
// come, at its deadline, or as the oldest when there are too many. What comes for it later finds it gone.
import { earliest } from './earliest.ts'
import type { Millis } from './env.ts'

export interface OpenQuestion {
  /** It is answered then at the latest. */
  deadline: Millis
}

export interface Conduct<Question> {
  /** So many are open at once. */
  most: number
  /** When somebody else is to be asked, if that may be before the deadline. */
  due: (question: Question) => Millis | undefined
  /** Asks whoever is due; true when nothing more can come. */
  goOn: (question: Question, now: Millis) => boolean
  /** Gives the answer; the question is no longer open. */
  answer: (question: Question, now: Millis) => void
}

export class OpenQuestions<Question extends OpenQuestion> {
  readonly #conduct: Conduct<Question>
  /** Oldest first. */
  readonly #open = new Set<Question>()

  constructor(conduct: Conduct<Question>) {
    this.#conduct = conduct
  }

  get size(): number {
    return this.#open.size
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<Question> {
    return this.#open.values()
  }

  /** The oldest makes room when there is none. */
  add(question: Question, now: Millis): void {
    const [oldest] = this.#open
    if (oldest !== undefined && this.#open.size >= this.#conduct.most) this.#end(oldest, now)
    this.#open.add(question)
  }

  /** When check is due next; undefined while nothing is open. */
  deadline(): Millis | undefined {
    let first: Millis | undefined
    for (const question of this.#open) first = earliest(first, question.deadline, this.#conduct.due(question))
    return first
  }

  /** Goes on with all of them, and answers those that are over. */
  check(now: Millis): void {
    for (const question of this.#open) {
      const isOver = this.#conduct.goOn(question, now)
      if (isOver || now >= question.deadline) this.#end(question, now)
    }
  }

  #end(question: Question, now: Millis): void {
    this.#open.delete(question)
    this.#conduct.answer(question, now)
  }
}
