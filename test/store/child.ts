// Another process for level.test.ts: writes batches without sync and stays until it is killed.
import { utf8 } from '../../src/core/bytes.ts'
import { openLevelStore } from '../../src/store/level.ts'

const [folder = '', batches = '[]'] = process.argv.slice(2)
const store = await openLevelStore(folder)
for (const batch of JSON.parse(batches) as { key: string; value: string | null }[][])
  await store.write(
    batch.map(({ key, value }) => ({ key, value: value === null ? undefined : utf8(value) })),
    { sync: false },
  )
process.stdout.write('written\n')
setInterval(() => {}, 60_000)
