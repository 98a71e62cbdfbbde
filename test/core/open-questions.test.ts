// Open questions: each is answered once, whoever is silent.
import { expect, it } from 'vitest'
import { OpenQuestions } from '../../src/core/open-questions.ts'

interface Question {
  name: string
  deadline: number
  hedge?: number
  over?: boolean
}

function setUp() {
  const [asked, answered]: [string[], string[]] = [[], []]
  const open = new OpenQuestions<Question>({
    most: 2,
    due: ({ hedge }) => hedge,
    goOn: ({ name, over }, now) => asked.push(`${name} ${now}`) > 0 && over === true,
    answer: ({ name }, now) => void answered.push(`${name} ${now}`),
  })
  return { open, asked, answered }
}

it('a question is answered at its deadline, or before it when nothing more can come', () => {
  const { open, asked, answered } = setUp()
  const early: Question = { name: 'early', deadline: 50 }
  open.add(early, 0)
  open.add({ name: 'late', deadline: 90, hedge: 20 }, 0)
  expect([open.deadline(), open.size]).toEqual([20, 2])
  open.check(20)
  expect(answered).toEqual([])
  early.over = true
  open.check(30)
  open.check(90)
  open.check(91)
  expect(asked).toEqual(['early 20', 'late 20', 'early 30', 'late 30', 'late 90'])
  expect(answered).toEqual(['early 30', 'late 90'])
  expect([open.deadline(), open.size]).toEqual([undefined, 0])
})

it('the oldest is answered when there are too many', () => {
  const { open, answered } = setUp()
  for (const name of ['first', 'second', 'third']) open.add({ name, deadline: 50 }, 7)
  expect([answered, [...open].map(({ name }) => name)]).toEqual([['first 7'], ['second', 'third']])
})
